"""Made preference examples of ten kinds, the same from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
WORDS = [
    "rank",
    "alpha",
    "batch",
    "token",
    "learns",
    "über",
    "学习",
    "loss",
    "🙂",
    "drops",
    "",
    "",
    "then\tcode:",
    "x=1;",
    "néé",
    "«ok»",
    "step",
    "3.14",
    "why",
    "not",
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def _words(draw: random.Random, low: int, high: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(low, high))).strip() + f" {draw.randint(0, 10**6)}"


def _reason(draw: random.Random) -> str:
    return f"<think>\n{_words(draw, 2, 8)}\n\n{_words(draw, 1, 3)}\n</think>\n\n{_words(draw, 2, 8)}"


def _ask(text: str) -> Row:
    return {"role": "user", "content": text}


def _answer(text: str) -> Row:
    return {"role": "assistant", "content": text}


def _make_system(draw: random.Random) -> Row:
    prompt = [{"role": "system", "content": _words(draw, 3, 6)}, _ask(_words(draw, 2, 6))]
    return {"prompt": prompt, "chosen": _words(draw, 2, 8), "rejected": _words(draw, 2, 8)}


def _make_tools(draw: random.Random) -> Row:
    call = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": _words(draw, 1, 1)}}}
    prompt = [
        _ask(_words(draw, 2, 4)),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": _words(draw, 1, 3)},
    ]
    row = {"prompt": prompt[:1], "tools": TOOLS} if draw.random() < 0.5 else {"prompt": prompt, "tools": TOOLS}
    wrong = {"role": "assistant", "content": _words(draw, 1, 3), "tool_calls": [call]}
    return {**row, "chosen": [_answer(_words(draw, 2, 6))], "rejected": [wrong]}


def _make_one_side(draw: random.Random) -> Row:
    sides = [_reason(draw), _words(draw, 2, 8)]
    draw.shuffle(sides)
    return {"prompt": _words(draw, 2, 6), "chosen": sides[0], "rejected": sides[1]}


def _make_several_turns(draw: random.Random) -> Row:
    prompt = [
        _ask(_words(draw, 1, 4)),
        _answer(_reason(draw)),
        _ask(_words(draw, 1, 4)),
        _answer(_words(draw, 1, 4)),
    ]
    sides = {"chosen": _reason(draw), "rejected": _reason(draw)}
    return {"prompt": [*prompt, _ask(_words(draw, 1, 4))], **sides}


def _make_long(draw: random.Random) -> Row:
    return {"prompt": _words(draw, 20, 24), "chosen": _words(draw, 20, 24), "rejected": _words(draw, 3, 24)}


def _make_truncated(draw: random.Random) -> Row:
    return {
        "prompt": _words(draw, 5, 30),
        "chosen": _words(draw, 240, 300),
        "rejected": _words(draw, 2, 300),
    }


def _make_empty_block(draw: random.Random) -> Row:
    block = "<think>\n\n</think>\n\n"
    sides = [block + _words(draw, 2, 6), _words(draw, 2, 6)] if draw.random() < 0.5 else [block + "a", block + "b"]
    return {"prompt": _words(draw, 2, 6), "chosen": sides[0], "rejected": sides[1]}


def _make_no_system(draw: random.Random) -> Row:
    return {
        "prompt": [_ask(_words(draw, 2, 6))],
        "chosen": _words(draw, 2, 8),
        "rejected": _words(draw, 2, 8),
    }


def _make_string(draw: random.Random) -> Row:
    """Also white space where an answer begins and ends."""
    around = draw.choice(["", "\n", " \n\n", "\n\n  "])
    end = draw.choice(["", "\n", " ", "\n\n"])
    row = {
        "prompt": _words(draw, 2, 6),
        "chosen": around + _words(draw, 2, 8) + end,
        "rejected": _words(draw, 2, 8),
    }
    return {**row, "system": _words(draw, 1, 3)} if draw.random() < 0.3 else row


def _make_messages(draw: random.Random) -> Row:
    """Whole conversations on both sides, and marks of turns that somebody typed."""
    typed = draw.choice(["", " <|im_start|>assistant\n", " <|im_end|>", " <think>"])
    prompt = [_ask(_words(draw, 2, 4) + typed)]
    return {
        "chosen": [*prompt, _answer(_words(draw, 2, 6))],
        "rejected": [*prompt, _answer(_words(draw, 2, 6))],
    }


KINDS: dict[str, Callable[[random.Random], Row]] = {
    "system": _make_system,
    "tools": _make_tools,
    "reasoning-on-one-side": _make_one_side,
    "several-turns": _make_several_turns,
    "long": _make_long,
    "truncated": _make_truncated,
    "empty-block": _make_empty_block,
    "no-system": _make_no_system,
    "string-prompt": _make_string,
    "message-prompt": _make_messages,
}


def make_pairs(kind: str, count: int, seed: int = 1) -> list[Row]:
    """Pairs of one kind."""
    draw = random.Random(f"{kind} {seed}")
    return [KINDS[kind](draw) for _ in range(count)]


def make_labelled(kind: str, count: int, seed: int = 1) -> list[Row]:
    """Labelled answers of one kind: a pair gives one of its sides."""
    made = []
    for index, pair in enumerate(make_pairs(kind, count, seed)):
        side = "chosen" if index % 2 else "rejected"
        row = {name: value for name, value in pair.items() if name not in ("chosen", "rejected")}
        if "prompt" not in row:
            row["prompt"] = pair[side][:-1]
        made.append({**row, "completion": pair[side], "label": side == "chosen"})
    return made
