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
UNICODE_SCRIPTS = (
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


def user_message(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant_message(text: str, reasoning: str | None = None) -> Message:
    return {"role": "assistant", "content": text, **({"reasoning_content": reasoning} if reasoning else {})}


def system_message(text: str) -> Message:
    return {"role": "system", "content": text}


def tool_call_message(
    city: str, content: str | None = "", reasoning: str | None = None, arguments_as_text: bool = False
) -> Message:
    arguments: Any = {"city": city, "days": 3}
    made = {"type": "function", "function": {"name": "weather", "arguments": arguments}}
    if arguments_as_text:
        made["function"]["arguments"] = json.dumps(arguments)
    message = {"role": "assistant", "content": content, "tool_calls": [made]}
    return {**message, "reasoning_content": reasoning} if reasoning else message


def tool_result_message(text: str) -> Message:
    return {"role": "tool", "content": text}


class SentenceGenerator:
    """Sentences by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def make_sentence(self, low: int = 3, high: int = 40) -> str:
        count = self.random.randint(low, high)
        return " ".join(self.random.choices(WORDS, k=count)).capitalize() + self.random.choice([".", "?", "!", "…", ""])

    def make_text(self) -> str:
        kind = self.random.random()
        if kind < 0.6:
            return self.make_sentence()
        if kind < 0.85:
            return self.random.choice(UNICODE_SCRIPTS) + " " + self.make_sentence(1, 8)
        return "\n\n".join(self.make_sentence(2, 12) for _ in range(3)) + "\n- " + self.make_sentence(1, 5)

    def make_turns(self, count: int, thinks: Callable[[int], bool] = lambda n: False) -> list[Message]:
        made: list[Message] = []
        for n in range(count):
            made += [
                user_message(self.make_text()),
                assistant_message(self.make_text(), self.make_text() if thinks(n) else None),
            ]
        return made


def make_single_turn(s: SentenceGenerator) -> list[Message]:
    return s.make_turns(1)


def make_several_turns(s: SentenceGenerator) -> list[Message]:
    return s.make_turns(s.random.randint(2, 5))


def make_with_system(s: SentenceGenerator) -> list[Message]:
    return [system_message(s.make_text()), *s.make_turns(s.random.randint(1, 3))]


def make_reasoning(s: SentenceGenerator) -> list[Message]:
    return s.make_turns(1, lambda n: True)


def make_reasoning_everywhere(s: SentenceGenerator) -> list[Message]:
    return s.make_turns(s.random.randint(2, 4), lambda n: True)


def make_reasoning_in_history_only(s: SentenceGenerator) -> list[Message]:
    return s.make_turns(3, lambda n: n < 2)


def make_reasoning_inline(s: SentenceGenerator) -> list[Message]:
    return [user_message(s.make_text()), assistant_message(f"<think>\n{s.make_text()}\n</think>\n\n{s.make_text()}")]


def make_tool_chain(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(s.make_text()),
        tool_call_message("Wien"),
        tool_result_message('{"sky": "clear"}'),
        assistant_message(s.make_text()),
    ]


def make_parallel_results(s: SentenceGenerator) -> list[Message]:
    asked = tool_call_message("北京", s.make_text())
    asked["tool_calls"] *= 2
    return [
        user_message(s.make_text()),
        asked,
        tool_result_message("12 °C"),
        tool_result_message("9 °C"),
        assistant_message(s.make_text()),
        user_message(s.make_text()),
        assistant_message(s.make_text()),
    ]


def make_tool_chain_with_reasoning(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(s.make_text()),
        tool_call_message("Wien", "", s.make_text()),
        tool_result_message("rain"),
        assistant_message(s.make_text(), s.make_text()),
    ]


def make_tool_arguments_as_text(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(s.make_text()),
        tool_call_message("Köln", None, arguments_as_text=True),
        tool_result_message("fog"),
        assistant_message(s.make_text()),
    ]


def make_unicode(s: SentenceGenerator) -> list[Message]:
    return [m for script in UNICODE_SCRIPTS for m in (user_message(script), assistant_message(script[::-1]))][
        : 2 * s.random.randint(1, 5)
    ]


def make_long(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(" ".join(s.make_sentence(30, 60) for _ in range(20))),
        assistant_message("\n".join(s.make_text() for _ in range(40))),
    ]


def make_code(s: SentenceGenerator) -> list[Message]:
    return [
        user_message("```python\n" + CODE + "```"),
        assistant_message(CODE * s.random.randint(1, 3) + s.make_text()),
    ]


def make_newline_first(s: SentenceGenerator) -> list[Message]:
    return [
        user_message("\n" + s.make_text()),
        assistant_message(s.random.choice(["\n", "\n\n", " \n ", "\r\n", "\t\n\n x"]) + s.make_text()),
    ]


def make_white_space_last(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(s.make_text() + "  \n"),
        assistant_message(s.make_text() + s.random.choice(["\n", " ", "\n\n\n", "\t"])),
    ]


def make_control_tokens(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(f"what does <|im_end|>\n<|im_start|>assistant\n{s.make_sentence()} do?"),
        assistant_message(f"It ends: <|im_end|> and <|endoftext|> {s.make_sentence()}"),
    ]


def make_literal_think_tag(s: SentenceGenerator) -> list[Message]:
    return [user_message(s.make_text()), assistant_message(f"the tag </think> ends it, {s.make_sentence()}")]


def make_unclosed_think(s: SentenceGenerator) -> list[Message]:
    return [user_message(s.make_text()), assistant_message(f"<think>\n{s.make_sentence()}")]


def make_empty_think_typed(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(s.make_text()),
        assistant_message(f"<think>\n\n</think>\n\n{s.make_text()}"),
        user_message(s.make_text()),
        assistant_message(s.make_text()),
    ]


def make_image_tag(s: SentenceGenerator) -> list[Message]:
    return [
        user_message(f"put <image> into the page, {s.make_sentence()}"),
        assistant_message(f"<img> is the tag; {s.make_sentence()}"),
    ]


def make_two_users(s: SentenceGenerator) -> list[Message]:
    return [user_message(s.make_text()), user_message(s.make_text()), assistant_message(s.make_text())]


def make_two_answers(s: SentenceGenerator) -> list[Message]:
    return [user_message(s.make_text()), assistant_message(s.make_text()), assistant_message(s.make_text())]


def make_assistant_first(s: SentenceGenerator) -> list[Message]:
    return [assistant_message(s.make_text()), user_message(s.make_text()), assistant_message(s.make_text())]


def make_system_in_the_middle(s: SentenceGenerator) -> list[Message]:
    return [*s.make_turns(1), system_message(s.make_text()), *s.make_turns(1)]


def make_empty_system(s: SentenceGenerator) -> list[Message]:
    return [system_message(""), *s.make_turns(1)]


CASES: dict[str, tuple[Callable[[SentenceGenerator], list[Message]], int]] = {
    "single": (make_single_turn, 10),
    "several-turns": (make_several_turns, 14),
    "system": (make_with_system, 12),
    "reasoning": (make_reasoning, 10),
    "reasoning-everywhere": (make_reasoning_everywhere, 8),
    "reasoning-in-history-only": (make_reasoning_in_history_only, 3),
    "reasoning-inline": (make_reasoning_inline, 4),
    "tools": (make_tool_chain, 7),
    "parallel-tool-results": (make_parallel_results, 4),
    "tools-with-reasoning": (make_tool_chain_with_reasoning, 4),
    "tool-arguments-as-text": (make_tool_arguments_as_text, 2),
    "unicode": (make_unicode, 6),
    "long": (make_long, 2),
    "code": (make_code, 3),
    "newline-first": (make_newline_first, 1),
    "white-space-last": (make_white_space_last, 2),
    "control-tokens": (make_control_tokens, 1),
    "literal-think-tag": (make_literal_think_tag, 1),
    "unclosed-think": (make_unclosed_think, 1),
    "empty-think-typed": (make_empty_think_typed, 1),
    "image-tag": (make_image_tag, 1),
    "two-users": (make_two_users, 1),
    "two-answers": (make_two_answers, 1),
    "assistant-first": (make_assistant_first, 1),
    "system-in-the-middle": (make_system_in_the_middle, 1),
    "empty-system": (make_empty_system, 1),
}
"""Each case and its share of the rows, in parts."""
WITH_TOOLS = ("tools", "parallel-tool-results", "tools-with-reasoning", "tool-arguments-as-text")


def make_conversations(count: int, seed: int) -> list[Row]:
    """`count` rows; every case is there where `count` is at least 102."""
    speaker = SentenceGenerator(seed)
    parts = [name for name, (_, share) in CASES.items() for _ in range(share)]
    names = [parts[n * len(parts) // count] if count < len(parts) else parts[n % len(parts)] for n in range(count)]
    return [_make_row(name, speaker) for name in names]


def make_texts(count: int, seed: int) -> list[Row]:
    """`count` rows of plain text: what is said in as many conversations."""
    rows = make_conversations(count, seed)
    said = ("\n\n".join(m["content"] for m in row["messages"] if m["content"]) for row in rows)
    return [{"case": row["case"], "text": text} for row, text in zip(rows, said, strict=True)]


def _make_row(name: str, speaker: SentenceGenerator) -> Row:
    row = {"case": name, "messages": CASES[name][0](speaker)}
    return {**row, "tools": [TOOL]} if name in WITH_TOOLS else row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=2040)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rows = make_conversations(given.rows, given.seed)
    given.file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


if __name__ == "__main__":
    main()
