"""Diagnose a framework's error: its cause and how to prevent it. The patterns are data (known_causes/)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.diagnose.metric_signs import METRIC_SIGNS, LoggedLine, read_logged_lines
from qwen_recipes.runs.log_tail import read_clean_lines

_CAUSES_FOLDER = Path(__file__).with_name("known_causes")
_FRAME = re.compile(r'\s*File "[^"]{1,1000}", line \d+, in ')
_MAX_LINES = 2000
"""Lines of a log that are looked at."""


@dataclass(frozen=True)
class Cause:
    """A cause: its name, what it means, the guard that finds it beforehand (or None), and the fix.

    `metrics` names a check of the logged numbers. `order` is 1 of what other
    causes bring about, and 2 where it is too general to be the reason.
    """

    name: str
    explanation: str
    guard: str | None
    fix: str
    patterns: tuple[re.Pattern[str], ...]
    metrics: str | None = None
    order: int = 0

    def matches(self, line: str) -> bool:
        """Whether a line of a log tells of it."""
        return any(pattern.search(line) for pattern in self.patterns)


@dataclass(frozen=True)
class CauseMatch:
    """A cause, the line that tells of it first, and its place among the lines."""

    cause: Cause
    line: str
    place: int = 0


@cache
def load_causes() -> tuple[Cause, ...]:
    """Every cause that is known, particular ones before general ones."""
    files = sorted(_CAUSES_FOLDER.glob("*.yaml"))
    return tuple(_build_cause(entry) for file in files for entry in yaml.safe_load(file.read_text("utf-8")))


def _build_cause(entry: dict[str, Any]) -> Cause:
    patterns = tuple(map(re.compile, entry.get("patterns", ())))
    return Cause(
        entry["cause"],
        entry["means"],
        entry.get("guard"),
        entry["fix"],
        patterns,
        entry.get("metrics"),
        entry.get("order", 0),
    )


def match_cause(line: str) -> Cause | None:
    """The first cause that a single line tells of."""
    return next((cause for cause in load_causes() if cause.matches(line)), None)


def find_causes(lines: list[str]) -> list[CauseMatch]:
    """The causes that lines and their logged numbers tell of, each once, by their order and as they are first told.

    What comes first is mostly the reason, and what follows is what it brought about in other processes.
    """
    found: dict[str, CauseMatch] = {}
    for match in sorted([*_match_lines(lines), *_match_metrics(lines)], key=lambda one: one.place):
        found.setdefault(match.cause.name, match)
    return sorted(found.values(), key=lambda one: one.cause.order)


def _match_lines(lines: list[str]) -> list[CauseMatch]:
    """The causes of single lines; a traceback's frames, which show source, tell nothing."""
    frames = {place for place, line in enumerate(lines) if _FRAME.match(line)}
    told = ((place, line) for place, line in enumerate(lines) if not frames & {place, place - 1})
    matches = ((match_cause(line), line, place) for place, line in told)
    return [CauseMatch(cause, line.strip(), place) for cause, line, place in matches if cause is not None]


def _match_metrics(lines: list[str]) -> list[CauseMatch]:
    logged = read_logged_lines(lines)
    with_signs = ((cause, METRIC_SIGNS[cause.metrics](logged)) for cause in load_causes() if cause.metrics)
    return [_place_in_log(cause, line) for cause, line in with_signs if line is not None]


def _place_in_log(cause: Cause, line: LoggedLine) -> CauseMatch:
    return CauseMatch(cause, line.text.strip(), line.place)


def select_lines(lines: list[str]) -> list[str]:
    """The lines at the end of a log that are looked at."""
    return lines[-_MAX_LINES:]


def find_causes_in_log(log: Path) -> list[CauseMatch]:
    """The causes that the end of a log tells of."""
    return find_causes(select_lines(read_clean_lines(log)))


def name_first_cause(log: Path) -> str | None:
    """The name of the first cause that the end of a log tells of, or None."""
    return next((match.cause.name for match in find_causes_in_log(log)), None)
