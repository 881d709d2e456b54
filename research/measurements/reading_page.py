"""The paragraph of SECURITY.md about reading times, from results/reading.json. Written by tools/generate_docs.py.

`python -m benchmarks.bench_reading --write research/measurements/results/reading.json` measures them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import TypedDict

FILE = Path(__file__).resolve().parent / "results" / "reading.json"


class KindTimes(TypedDict):
    """CPU seconds by size in bytes, and the slope of their logarithms."""

    kind: str
    seconds: dict[str, float]
    slope: float


class ReadingRecord(TypedDict):
    """What the benchmark wrote; `date` is ISO 8601."""

    date: str
    max_slope: float
    kinds: list[KindTimes]


def list_blocks() -> dict[str, Callable[[], str]]:
    """The block to fill; none as long as nothing was measured: the page keeps its text."""
    if not FILE.is_file():
        return {}
    record: ReadingRecord = json.loads(FILE.read_text("utf-8"))
    return {"reading times": lambda: render_reading_times(record)}


def render_reading_times(record: ReadingRecord) -> str:
    """A paragraph: the slopes of all kinds of input, and the time of the slowest kind."""
    kinds = record["kinds"]
    sizes = sorted({int(size) for kind in kinds for size in kind["seconds"]})
    small, large = (f"{size / 1e6:g}" for size in (sizes[0], sizes[-1]))
    steepest = max(kinds, key=lambda kind: kind["slope"])
    slowest = max(kinds, key=lambda kind: kind["seconds"][str(sizes[-1])])
    middle, longest = median(kind["slope"] for kind in kinds), slowest["seconds"][str(sizes[-1])]
    measured = date.fromisoformat(record["date"])
    return (
        f"The time to read an input grows in proportion to its size. From {small} to {large} MB, the slope of "
        f"log(time) over log(size)\nis {middle:.2f} in the median of {len(kinds)} kinds of input, and at most "
        f"{steepest['slope']:.2f} ({steepest['kind']}); 1 is linear, 2 quadratic.\nThe slowest, {slowest['kind']}, "
        f"takes {longest:.1f} s of CPU time for {large} MB. Measured on {measured.day} {measured:%B %Y} by\n"
        "`python -m benchmarks.bench_reading`."
    )
