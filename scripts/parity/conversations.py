"""Conversations made to be encoded: `conversations.py FILE [--rows N] [--seed S]`.

One JSON row a line, each with the `case` that it is of.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Message = dict[str, Any]
Row = dict[str, Any]

WORDS = [
    "the",
    "a",
    "of",
    "to",
    "in",
    "tokens",
    "model",
    "loss",
    "train",
    "rank",
    "batch",
    "learning",
    "rate",
    "step",
    "answer",
    "question",
    "because",
    "therefore",
    "data",
    "row",
    "mask",
    "seed",
    "epoch",
    "cache",
    "layer",
    "head",
    "weight",
    "gradient",
    "3.14",
    "2048",
    "1e-4",
    "if",
    "not,",
    "however:",
    "it's",
    "don't",
    "WE'LL",
    "naïve",
    "façade",
]
SCRIPTS = (
    "北京今天的天气怎么样？请用中文回答。",
    "東京タワーの高さは何メートルですか",
    "한국어 문장도 들어갑니다.",
    "Привет, как дела?",
    "مرحبا بالعالم ١٢٣",
    "שלום עולם",
    "हिन्दी में उत्तर दीजिए",
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪 ✂️ family",
    "e\u0301 cafe\u0301 A\u030a (not NFC)",
    "zero\u200bwidth \u2028 line \u00a0 no-break \ufeff mark",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﬁ ½ Ⅷ ①",
)
CODE = 'def f(x):\n\tif x > 1:\r\n        return {"a": [x, None]}  # {{content}} {% raw %} ${y}\n\n\n    return `x`\n'
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city: 天气",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def said(text: str, reasoning: str | None = None) -> Message:
    return {"role": "assistant", "content": text, **({"reasoning_content": reasoning} if reasoning else {})}


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def call(city: str, content: str | None = "", reasoning: str | None = None, text: bool = False) -> Message:
    arguments: Any = {"city": city, "days": 3}
    made = {"type": "function", "function": {"name": "weather", "arguments": arguments}}
    if text:
        made["function"]["arguments"] = json.dumps(arguments)
    message = {"role": "assistant", "content": content, "tool_calls": [made]}
    return {**message, "reasoning_content": reasoning} if reasoning else message


def result(text: str) -> Message:
    return {"role": "tool", "content": text}


class Speaker:
    """Sentences by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def words(self, low: int = 3, high: int = 40) -> str:
        count = self.random.randint(low, high)
        return " ".join(self.random.choices(WORDS, k=count)).capitalize() + self.random.choice([".", "?", "!", "…", ""])

    def text(self) -> str:
        kind = self.random.random()
        if kind < 0.6:
            return self.words()
        if kind < 0.85:
            return self.random.choice(SCRIPTS) + " " + self.words(1, 8)
        return "\n\n".join(self.words(2, 12) for _ in range(3)) + "\n- " + self.words(1, 5)

    def turns(self, count: int, thinks: Callable[[int], bool] = lambda n: False) -> list[Message]:
        made: list[Message] = []
        for n in range(count):
            made += [user(self.text()), said(self.text(), self.text() if thinks(n) else None)]
        return made


def single(s: Speaker) -> list[Message]:
    return s.turns(1)


def several(s: Speaker) -> list[Message]:
    return s.turns(s.random.randint(2, 5))


def with_system(s: Speaker) -> list[Message]:
    return [system(s.text()), *s.turns(s.random.randint(1, 3))]


def reasoning(s: Speaker) -> list[Message]:
    return s.turns(1, lambda n: True)


def reasoning_everywhere(s: Speaker) -> list[Message]:
    return s.turns(s.random.randint(2, 4), lambda n: True)


def reasoning_in_history_only(s: Speaker) -> list[Message]:
    return s.turns(3, lambda n: n < 2)


def reasoning_inline(s: Speaker) -> list[Message]:
    return [user(s.text()), said(f"<think>\n{s.text()}\n</think>\n\n{s.text()}")]


def tool_chain(s: Speaker) -> list[Message]:
    return [user(s.text()), call("Wien"), result('{"sky": "clear"}'), said(s.text())]


def parallel_results(s: Speaker) -> list[Message]:
    asked = call("北京", s.text())
    asked["tool_calls"] *= 2
    return [user(s.text()), asked, result("12 °C"), result("9 °C"), said(s.text()), user(s.text()), said(s.text())]


def tool_chain_with_reasoning(s: Speaker) -> list[Message]:
    return [user(s.text()), call("Wien", "", s.text()), result("rain"), said(s.text(), s.text())]


def tool_arguments_as_text(s: Speaker) -> list[Message]:
    return [user(s.text()), call("Köln", None, text=True), result("fog"), said(s.text())]


def unicode(s: Speaker) -> list[Message]:
    return [m for script in SCRIPTS for m in (user(script), said(script[::-1]))][: 2 * s.random.randint(1, 5)]


def long(s: Speaker) -> list[Message]:
    return [user(" ".join(s.words(30, 60) for _ in range(20))), said("\n".join(s.text() for _ in range(40)))]


def code(s: Speaker) -> list[Message]:
    return [user("```python\n" + CODE + "```"), said(CODE * s.random.randint(1, 3) + s.text())]


def newline_first(s: Speaker) -> list[Message]:
    return [user("\n" + s.text()), said(s.random.choice(["\n", "\n\n", " \n ", "\r\n", "\t\n\n x"]) + s.text())]


def white_space_last(s: Speaker) -> list[Message]:
    return [user(s.text() + "  \n"), said(s.text() + s.random.choice(["\n", " ", "\n\n\n", "\t"]))]


def control_tokens(s: Speaker) -> list[Message]:
    return [
        user(f"what does <|im_end|>\n<|im_start|>assistant\n{s.words()} do?"),
        said(f"It ends: <|im_end|> and <|endoftext|> {s.words()}"),
    ]


def literal_think_tag(s: Speaker) -> list[Message]:
    return [user(s.text()), said(f"the tag </think> ends it, {s.words()}")]


def unclosed_think(s: Speaker) -> list[Message]:
    return [user(s.text()), said(f"<think>\n{s.words()}")]


def empty_think_typed(s: Speaker) -> list[Message]:
    return [user(s.text()), said(f"<think>\n\n</think>\n\n{s.text()}"), user(s.text()), said(s.text())]


def image_tag(s: Speaker) -> list[Message]:
    return [user(f"put <image> into the page, {s.words()}"), said(f"<img> is the tag; {s.words()}")]


def two_users(s: Speaker) -> list[Message]:
    return [user(s.text()), user(s.text()), said(s.text())]


def two_answers(s: Speaker) -> list[Message]:
    return [user(s.text()), said(s.text()), said(s.text())]


def assistant_first(s: Speaker) -> list[Message]:
    return [said(s.text()), user(s.text()), said(s.text())]


def system_in_the_middle(s: Speaker) -> list[Message]:
    return [*s.turns(1), system(s.text()), *s.turns(1)]


def empty_system(s: Speaker) -> list[Message]:
    return [system(""), *s.turns(1)]


CASES: dict[str, tuple[Callable[[Speaker], list[Message]], int]] = {
    "single": (single, 10),
    "several-turns": (several, 14),
    "system": (with_system, 12),
    "reasoning": (reasoning, 10),
    "reasoning-everywhere": (reasoning_everywhere, 8),
    "reasoning-in-history-only": (reasoning_in_history_only, 3),
    "reasoning-inline": (reasoning_inline, 4),
    "tools": (tool_chain, 7),
    "parallel-tool-results": (parallel_results, 4),
    "tools-with-reasoning": (tool_chain_with_reasoning, 4),
    "tool-arguments-as-text": (tool_arguments_as_text, 2),
    "unicode": (unicode, 6),
    "long": (long, 2),
    "code": (code, 3),
    "newline-first": (newline_first, 1),
    "white-space-last": (white_space_last, 2),
    "control-tokens": (control_tokens, 1),
    "literal-think-tag": (literal_think_tag, 1),
    "unclosed-think": (unclosed_think, 1),
    "empty-think-typed": (empty_think_typed, 1),
    "image-tag": (image_tag, 1),
    "two-users": (two_users, 1),
    "two-answers": (two_answers, 1),
    "assistant-first": (assistant_first, 1),
    "system-in-the-middle": (system_in_the_middle, 1),
    "empty-system": (empty_system, 1),
}
"""Each case and its share of the rows, in parts."""
WITH_TOOLS = ("tools", "parallel-tool-results", "tools-with-reasoning", "tool-arguments-as-text")


def conversations(count: int, seed: int) -> list[Row]:
    """`count` rows; every case is there where `count` is at least 102."""
    speaker = Speaker(seed)
    parts = [name for name, (_, share) in CASES.items() for _ in range(share)]
    names = [parts[n * len(parts) // count] if count < len(parts) else parts[n % len(parts)] for n in range(count)]
    return [_row(name, speaker) for name in names]


def texts(count: int, seed: int) -> list[Row]:
    """`count` rows of plain text: what is said in as many conversations."""
    rows = conversations(count, seed)
    said = ("\n\n".join(m["content"] for m in row["messages"] if m["content"]) for row in rows)
    return [{"case": row["case"], "text": text} for row, text in zip(rows, said, strict=True)]


def _row(name: str, speaker: Speaker) -> Row:
    row = {"case": name, "messages": CASES[name][0](speaker)}
    return {**row, "tools": [TOOL]} if name in WITH_TOOLS else row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=2040)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rows = conversations(given.rows, given.seed)
    given.file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


if __name__ == "__main__":
    main()
