"""Prepare the rows of a recipe: one form, one split, one length limit, whichever framework reads them.

Run by run.sh in the framework's environment: `python rows.py rows.json`. Stands alone (standard library and
transformers), since qwen-recipes is not installed there.

Reads messages, writes `<out>/train.jsonl` and `<out>/validation.jsonl`, rows of {"messages": [{role, content}, ...]}
with roles system, user and assistant only. What the official template would have rendered from other fields is put
into the content in the same words: tool definitions, tool calls, tool results, `reasoning_content`. `<out>/rows.json`
counts what was kept and what was left out, and why.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Message = dict[str, Any]
Row = dict[str, Any]

TOOLS_HEAD = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)
BATCH = 512


class BadRow(ValueError):
    """A row that can't be trained on, and why."""


def tools_text(tools: list[Any]) -> str:
    """The block that Qwen3's templates write for tool definitions."""
    lines = "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in tools)
    return TOOLS_HEAD + lines + TOOLS_TAIL


def call_text(call: dict[str, Any]) -> str:
    """One tool call in the words of Qwen3's templates."""
    call = call.get("function", call)
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f'<tool_call>\n{{"name": "{call["name"]}", "arguments": {text}}}\n</tool_call>'


def plain_messages(row: Row) -> list[Message]:
    """The row's messages with plain roles and text. Raises BadRow."""
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRow("no list `messages`")
    made: list[Message] = []
    tools = row.get("tools")
    tools = json.loads(tools) if isinstance(tools, str) and tools else tools
    for message in messages:
        _add(made, message)
    if tools:
        _add_tools(made, tools)
    if not any(message["role"] == "assistant" for message in made):
        raise BadRow("no assistant turn: nothing to learn from")
    if made[-1]["role"] != "assistant":
        raise BadRow("the last message is not the assistant's")
    return made


def _add(made: list[Message], message: Any) -> None:
    if not isinstance(message, dict):
        raise BadRow("a message is not a map")
    role, content = message.get("role"), message.get("content")
    content = "" if content is None else content
    if not isinstance(content, str):
        raise BadRow("`content` is not text")
    if role == "tool":
        result = f"<tool_response>\n{content}\n</tool_response>"
        if made and made[-1].get("tool"):
            made[-1]["content"] += "\n" + result
        else:
            made.append({"role": "user", "content": result, "tool": True})
    elif role == "assistant":
        made.append({"role": role, "content": _assistant(message, content)})
    elif role in ("system", "user"):
        made.append({"role": role, "content": content})
    else:
        raise BadRow(f"unknown role {role!r}")


def _assistant(message: Message, content: str) -> str:
    calls = "\n".join(call_text(call) for call in message.get("tool_calls") or [])
    if calls:
        content = f"{content}\n{calls}" if content else calls
    reasoning = message.get("reasoning_content")
    if reasoning and "</think>" not in content:
        content = "<think>\n" + reasoning.strip("\n") + "\n</think>\n\n" + content.lstrip("\n")
    return content


def _add_tools(made: list[Message], tools: list[Any]) -> None:
    text = tools_text(tools)
    if made[0]["role"] == "system":
        made[0]["content"] += "\n\n" + text
    else:
        made.insert(0, {"role": "system", "content": text})


def read(path: Path) -> Iterator[tuple[int, list[Message] | None, str]]:
    """Line number, and the row or the reason why there is none."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"))
                if not isinstance(row, dict):
                    raise BadRow("not a map")
                yield number, plain_messages(row), ""
            except BadRow as error:
                yield number, None, str(error)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                yield number, None, f"can't be read: {error}"


class Lengths:
    """Lengths in tokens, by the model's own tokenizer and the chat template in use."""

    def __init__(self, spec: dict[str, Any]) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(spec["tokenizer"], revision=spec["revision"] or "main")
        self.template = Path(spec["chat_template"]).read_text("utf-8")

    def of(self, conversations: list[list[Message]]) -> list[int]:
        """Tokens of each conversation."""
        texts = [
            self.tokenizer.apply_chat_template(messages, chat_template=self.template, tokenize=False)
            for messages in conversations
        ]
        return [len(ids) for ids in self.tokenizer(texts, add_special_tokens=False)["input_ids"]]


class Preparation:
    """Reads, measures, splits and writes; counts everything that it leaves out."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.out = Path(spec["out"])
        self.lengths = Lengths(spec)
        self.counts = {"read": 0, "train": 0, "validation": 0, "bad": 0, "overlong": 0}
        self.left_out: list[dict[str, Any]] = []

    def run(self) -> None:
        """Write both files and the count, or stop with what is wrong."""
        share, random_source = self.spec["validation_share"], random.Random(self.spec["seed"])
        train = list(self._rows(self.spec["train"]))
        validation = list(self._rows(self.spec["validation"]))
        if share:
            held = set(random_source.sample(range(len(train)), max(1, round(share * len(train))))) if train else set()
            validation = [row for index, row in enumerate(train) if index in held]
            train = [row for index, row in enumerate(train) if index not in held]
        self._stop_where_nothing_is_left(train, validation)
        self._write("train", train)
        self._write("validation", validation)
        self._report()

    def _rows(self, paths: list[str]) -> Iterator[Row]:
        for name in paths:
            batch: list[tuple[int, list[Message]]] = []
            for number, messages, problem in read(Path(name)):
                self.counts["read"] += 1
                if messages is None:
                    self._leave_out("bad", name, number, problem)
                    continue
                batch.append((number, messages))
                if len(batch) == BATCH:
                    yield from self._measured(name, batch)
                    batch = []
            yield from self._measured(name, batch)

    def _measured(self, name: str, batch: list[tuple[int, list[Message]]]) -> Iterator[Row]:
        limit = self.spec["sequence_length"]
        if not batch:
            return
        for (number, messages), length in zip(batch, self.lengths.of([m for _, m in batch]), strict=True):
            if length > limit and self.spec["overlong"] != "truncate":
                self._leave_out("overlong", name, number, f"{length} tokens, {limit} fit")
            else:
                yield {"messages": self._marked(messages)}

    def _marked(self, messages: list[Message]) -> list[Message]:
        last = len(messages) - 1
        made = [{"role": m["role"], "content": m["content"]} for m in messages]
        if self.spec["mark_last_turn"]:
            for index, message in enumerate(made):
                message["train"] = index == last
        return made

    def _leave_out(self, kind: str, name: str, number: int, why: str) -> None:
        self.counts[kind] += 1
        self.left_out.append({"file": name, "line": number, "why": why})

    def _stop_where_nothing_is_left(self, train: list[Row], validation: list[Row]) -> None:
        for row in self.left_out[:10]:
            print(f"rows: {row['file']}:{row['line']}: left out: {row['why']}", file=sys.stderr)
        if len(self.left_out) > 10:
            print(f"rows: and {len(self.left_out) - 10} more, all in {self.out}/rows.json", file=sys.stderr)
        if self.counts["overlong"] and self.spec["overlong"] == "error":
            sys.exit(f"rows: {self.counts['overlong']} rows are too long, and `training.overlong` is `error`")
        if not train:
            sys.exit("rows: no row is left to train on")
        if (self.spec["validation"] or self.spec["validation_share"]) and not validation:
            sys.exit("rows: no row is left to validate on")

    def _write(self, split: str, rows: list[Row]) -> None:
        self.counts[split] = len(rows)
        self.out.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        replace_file(self.out / f"{split}.jsonl", text)

    def _report(self) -> None:
        report = {"counts": self.counts, "left_out": self.left_out}
        replace_file(self.out / "rows.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n")
        said = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        print(f"rows: {said}", file=sys.stderr)


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)


def main() -> None:
    """Prepare the rows that the JSON file named on the command line describes."""
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for name in [*spec["train"], *spec["validation"]]:
        if not Path(name).is_file():
            sys.exit(f"rows: {name} is not there")
    Preparation(spec).run()


if __name__ == "__main__":
    main()
