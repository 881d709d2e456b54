"""Text and length of a row, by the model's own tokenizer and the chat template in use."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from .encode import EncodedRow, LossRule, Segment, encode_rows, split_segments, truncate_encoded, truncate_segments
from .messages import BadRowError, Message, Row
from .preferences import EncodedAnswers, TooLongError, encode_answers, is_preference, list_answers
from .row import RowsSpec
from .turns import strips_earlier_reasoning


class RowRenderer:
    """Renders conversations and counts tokens."""

    def __init__(self, spec: RowsSpec) -> None:
        self.tokenizer = _load_tokenizer(spec)
        self.limit = int(spec["sequence_length"])
        self.truncates = spec.get("overlong") == "truncate"
        self.packs_hold_several = int(spec.get("pack_length", self.limit)) > self.limit
        self.loss_rule = LossRule(spec.get("train_on", "assistant"), spec.get("thinking", "auto"))
        self.template = Path(spec["chat_template"]).read_text("utf-8") if spec["chat_template"] else None

    @cached_property
    def strips_reasoning(self) -> bool:
        """Whether the chat template takes the reasoning out of turns before the last user query."""
        return strips_earlier_reasoning(self.render)

    def render(self, messages: list[Message], *, prompt: bool = False) -> str:
        """The conversation as the model sees it; with `prompt`, up to where it would answer."""
        text: str = self.tokenizer.apply_chat_template(
            messages, chat_template=self.template, tokenize=False, add_generation_prompt=prompt
        )
        return text

    def render_prompt_and_answer(self, prompt: list[Message], answer: str) -> tuple[str, str]:
        """The prompt up to where the model answers, and what the template makes of the answer after it."""
        head = self.render(prompt, prompt=True)
        whole = self.render([*prompt, {"role": "assistant", "content": answer}])
        tail = whole[len(head) :] if whole.startswith(head) else answer + "<|im_end|>\n"
        return head, tail.removesuffix("\n")

    def split_row(self, row: Row) -> list[Segment]:
        """The row's text, cut where loss begins and ends. Raises BadRowError."""
        return split_segments(row, self.render, self.loss_rule)

    def split_row_within_limit(self, row: Row) -> list[Segment]:
        """As `split_row`, cut off behind the sequence length where rows are to be cut. Raises BadRowError."""
        cut = self.split_row(row)
        if not self.truncates:
            return cut
        return truncate_segments(cut, self._tokenize([segment.text for segment in cut]), self.decode, self.limit)

    def split_row_for_packs(self, row: Row) -> list[Segment]:
        """As `split_row`; cut off where the framework would cut at the end of a pack, which is longer than an example.

        Raises BadRowError.
        """
        return self.split_row_within_limit(row) if self.packs_hold_several else self.split_row(row)

    def cut_text_for_packs(self, text: str) -> str:
        """As `split_row_for_packs`, of plain text."""
        if not (self.truncates and self.packs_hold_several):
            return text
        cut = truncate_segments([Segment(text, True)], self._tokenize([text]), self.decode, self.limit)
        return "".join(segment.text for segment in cut)

    def encode_row(self, row: Row) -> EncodedRow:
        """The row's ids and labels, no longer than the sequence length. Raises BadRowError."""
        return truncate_encoded(encode_rows([row], self.render, self._tokenize, self.loss_rule)[0], self.limit)

    def encode_preference(self, row: Row) -> EncodedAnswers:
        """Ids of a prompt and its answers, no longer than the sequence length. Raises BadRowError."""
        found = encode_answers(row["prompt"], list_answers(row), self.render, self._tokenize, self.loss_rule.thinking)
        return found.truncate(self.limit)

    def has_loss_within_limit(self, row: Row) -> bool:
        """Whether a token that carries loss is left within the sequence length, as far as we know the row's labels."""
        try:
            if is_preference(row):
                self.encode_preference(row)
                return True
            return "messages" not in row or self.encode_row(row).has_loss
        except TooLongError:
            return False
        except BadRowError:
            return True

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return found

    def decode(self, ids: list[int]) -> str:
        """The text of these ids, control tokens included."""
        text: str = self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        return text

    def count_tokens(self, rows: list[Row]) -> list[int]:
        """Tokens of each row: of its longest text where it has several."""
        texts = [text for row in rows for text in self._render_texts(row)]
        counts = iter([len(ids) for ids in self._tokenize(texts)])
        return [max(next(counts) for _ in self._render_texts(row)) for row in rows]

    def _render_texts(self, row: Row) -> list[str]:
        if "text" in row:
            return [row["text"]]
        if "messages" in row:
            return [self.render(row["messages"])]
        if "columns" in row:
            return [self.render(row["prompt"], prompt=True)]
        talks = [[*row["prompt"], {"role": "assistant", "content": answer}] for answer in list_answers(row)]
        return [self.render(talk).removesuffix("\n") for talk in talks]


def _load_tokenizer(spec: RowsSpec) -> Any:
    from transformers import AutoTokenizer

    if spec.get("source") != "modelscope":
        return AutoTokenizer.from_pretrained(spec["tokenizer"], revision=spec["revision"] or "main")
    from modelscope import snapshot_download  # type: ignore[import-not-found,unused-ignore]

    patterns = ["*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.onnx"]
    folder = snapshot_download(spec["tokenizer"], spec["revision"] or "master", ignore_patterns=patterns)
    return AutoTokenizer.from_pretrained(folder)
