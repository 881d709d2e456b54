"""Diagnose a framework's error: its cause and how to prevent it. The patterns are data (causes.yaml)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from qwen_recipes.runs.log_tail import read_clean_lines

_CAUSES_FILE = Path(__file__).with_name("causes.yaml")
_MAX_LINES = 2000
"""Lines of a log that are looked at."""


@dataclass(frozen=True)
class Cause:
    """A cause: its name, what it means, the guard that finds it beforehand (or None), and the fix."""

    name: str
    explanation: str
    guard: str | None
    fix: str
    patterns: tuple[re.Pattern[str], ...]

    def matches(self, line: str) -> bool:
        """Whether a line of a log tells of it."""
        return any(pattern.search(line) for pattern in self.patterns)


@dataclass(frozen=True)
class CauseMatch:
    """A cause, and the last line that tells of it."""

    cause: Cause
    line: str


@cache
def load_causes() -> tuple[Cause, ...]:
    """Every cause that is known, particular ones before general ones."""
    return tuple(
        Cause(
            entry["cause"], entry["means"], entry.get("guard"), entry["fix"], tuple(map(re.compile, entry["patterns"]))
        )
        for entry in yaml.safe_load(_CAUSES_FILE.read_text("utf-8"))
    )


def match_cause(line: str) -> Cause | None:
    """The first cause that a single line tells of."""
    return next((cause for cause in load_causes() if cause.matches(line)), None)


def find_causes(lines: list[str]) -> list[CauseMatch]:
    """The causes that lines tell of, each once, in the order in which they are first told.

    What comes first is mostly the reason, and what follows is what it brought about in other processes.
    """
    found: dict[str, CauseMatch] = {}
    for line in lines:
        cause = match_cause(line)
        if cause is not None and cause.name not in found:
            found[cause.name] = CauseMatch(cause, line.strip())
    return sorted(found.values(), key=lambda one: one.cause.name in _SECONDARY_CAUSES)


_SECONDARY_CAUSES = ("collective-timeout", "host-memory", "hub-not-reached")
"""What is told in a log also where something else was the reason."""


def find_causes_in_log(log: Path) -> list[CauseMatch]:
    """The causes that the end of a log tells of."""
    return find_causes(read_clean_lines(log)[-_MAX_LINES:])


def name_first_cause(log: Path) -> str | None:
    """The name of the first cause that the end of a log tells of, or None."""
    return next((match.cause.name for match in find_causes_in_log(log)), None)
