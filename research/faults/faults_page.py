"""The table of runs that were hurt and went on, from what `make faults` wrote."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend

RESULTS = Path(__file__).parents[2] / "tests" / "faults" / "results.json"
HEAD = "| framework | training, and what happened | went on from | largest difference of a loss | weights |\n"


KILLED_LABELS = {"trainer": "of the trainer", "recipes": "of `recipes`", "everything": "of everything at once"}
MOMENT_LABELS = {"start": "while starting", "training": "in training", "save": "in a save"}


def format_counts(kills: list[dict[str, Any]], field: str, labels: dict[str, str]) -> str:
    """`10 of the trainer, 4 of everything at once`."""
    return ", ".join(f"{count} {labels[value]}" for value, count in Counter(one[field] for one in kills).most_common())


def describe_fault(fault: str, result: dict[str, Any]) -> str:
    """What was done to the run; several kills are counted."""
    kills = result.get("kills", [])
    if len(kills) > 1:
        return (
            f"{fault}: {format_counts(kills, 'killed', KILLED_LABELS)}; {format_counts(kills, 'during', MOMENT_LABELS)}"
        )
    return fault


def describe_resume(result: dict[str, Any]) -> str:
    """The steps of the checkpoints, and how many torn ones were passed over."""
    kills = result.get("kills")
    torn = sum(len(one["torn"]) for one in kills) if kills else len(result.get("torn", []))
    steps = [one["last_whole"] for one in kills] if kills else [result["resumed_from"]]
    known = sorted({step for step in steps if step})
    place = f"steps {known[0]} to {known[-1]}" if len(known) > 1 else f"step {known[0] if known else 0}"
    return f"{place} of {result['steps']}" + (f", past {torn} torn" if torn else "")


def format_row(name: str, result: dict[str, Any]) -> str:
    """One run."""
    backend, _, what = name.partition(", ")
    title = load_backend(backend).title
    if "refused" in result:
        return f"| {title} | {what} | refused: {result['refused']} | | |"
    weights = "the same bytes" if result["same_weights"] else "differ"
    worst = f"{result['worst']:.0e}" if result["worst"] else "0"
    return f"| {title} | {describe_fault(what, result)} | {describe_resume(result)} | {worst} | {weights} |"


def render_table() -> str:
    """Every result, by framework."""
    results = json.loads(RESULTS.read_text("utf-8"))
    return HEAD + "|---|---|---|---|---|\n" + "\n".join(format_row(name, found) for name, found in results.items())
