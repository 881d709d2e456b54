"""Text and length of a row, by the model's own tokenizer and the chat template in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .encode import Encoded, Rule, Segment, encode, segments
from .messages import Message, Row


class Renderer:
    """Renders conversations and counts tokens."""

    def __init__(self, spec: dict[str, Any]) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(spec["tokenizer"], revision=spec["revision"] or "main")
        self.limit = int(spec["sequence_length"])
        self.rule = Rule(spec.get("train_on", "assistant"), spec.get("thinking", "auto"))
        self.template = Path(spec["chat_template"]).read_text("utf-8") if spec["chat_template"] else None

    def render(self, messages: list[Message], *, prompt: bool = False) -> str:
        """The conversation as the model sees it; with `prompt`, up to where it would answer."""
        text: str = self.tokenizer.apply_chat_template(
            messages, chat_template=self.template, tokenize=False, add_generation_prompt=prompt
        )
        return text

    def split(self, prompt: list[Message], answer: str) -> tuple[str, str]:
        """The prompt up to where the model answers, and what the template makes of the answer after it."""
        head = self.render(prompt, prompt=True)
        whole = self.render([*prompt, {"role": "assistant", "content": answer}])
        tail = whole[len(head) :] if whole.startswith(head) else answer + "<|im_end|>\n"
        return head, tail.removesuffix("\n")

    def segments(self, row: Row) -> list[Segment]:
        """The row's text, cut where loss begins and ends. Raises BadRow."""
        return segments(row, self.render, self.rule)

    def encode(self, row: Row) -> Encoded:
        """The row's ids and labels. Raises BadRow."""
        return encode([row], self.render, self._ids, self.rule)[0]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return found

    def lengths(self, rows: list[Row]) -> list[int]:
        """Tokens of each row: of its longest text where it has several."""
        texts = [text for row in rows for text in self._texts(row)]
        counts = iter([len(ids) for ids in self._ids(texts)])
        return [max(next(counts) for _ in self._texts(row)) for row in rows]

    def _texts(self, row: Row) -> list[str]:
        if "text" in row:
            return [row["text"]]
        if "messages" in row:
            return [self.render(row["messages"])]
        if "columns" in row:
            return [self.render(row["prompt"], prompt=True)]
        answers = [row[name] for name in ("chosen", "rejected", "completion") if name in row]
        return [self.render([*row["prompt"], {"role": "assistant", "content": answer}]) for answer in answers]
