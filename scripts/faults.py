"""The table of runs that were hurt and went on, from what `make faults` wrote."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from qwen_recipes.backends import backend_named

RESULTS = Path(__file__).parent.parent / "tests" / "faults" / "results.json"
HEAD = "| framework | training, and what happened | went on from | largest difference of a loss | weights |\n"


WHOM = {"trainer": "of the trainer", "recipes": "of `recipes`", "everything": "of everything at once"}
WHEN = {"start": "while starting", "training": "in training", "save": "in a save"}


def counted(kills: list[dict[str, Any]], name: str, words: dict[str, str]) -> str:
    """`10 of the trainer, 4 of everything at once`."""
    return ", ".join(f"{count} {words[value]}" for value, count in Counter(one[name] for one in kills).most_common())


def happened(what: str, found: dict[str, Any]) -> str:
    """What was done to the run; several kills are counted."""
    kills = found.get("kills", [])
    if len(kills) > 1:
        return f"{what}: {counted(kills, 'killed', WHOM)}; {counted(kills, 'during', WHEN)}"
    return what


def went_on_from(found: dict[str, Any]) -> str:
    """The steps of the checkpoints, and how many torn ones were passed over."""
    kills = found.get("kills")
    torn = sum(len(one["torn"]) for one in kills) if kills else len(found.get("torn", []))
    steps = [one["last_whole"] for one in kills] if kills else [found["resumed_from"]]
    known = sorted({step for step in steps if step})
    place = f"steps {known[0]} to {known[-1]}" if len(known) > 1 else f"step {known[0] if known else 0}"
    return f"{place} of {found['steps']}" + (f", past {torn} torn" if torn else "")


def row(name: str, found: dict[str, Any]) -> str:
    """One run."""
    backend, _, what = name.partition(", ")
    title = backend_named(backend).title
    if "refused" in found:
        return f"| {title} | {what} | refused: {found['refused']} | | |"
    weights = "the same bytes" if found["same_weights"] else "differ"
    worst = f"{found['worst']:.0e}" if found["worst"] else "0"
    return f"| {title} | {happened(what, found)} | {went_on_from(found)} | {worst} | {weights} |"


def table() -> str:
    """Every result, by framework."""
    results = json.loads(RESULTS.read_text("utf-8"))
    return HEAD + "|---|---|---|---|---|\n" + "\n".join(row(name, found) for name, found in results.items())
