"""From a framework's error to what it comes down to, and what would have prevented it. The patterns are data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from qwen_recipes.launch.complaint import readable_lines

_FILE = Path(__file__).with_name("causes.yaml")
_TAIL = 2000
"""Lines of a log that are looked at."""


@dataclass(frozen=True)
class Cause:
    """A cause: its name, what it means, the guard that sees it coming (or None), and what to write instead."""

    name: str
    means: str
    guard: str | None
    fix: str
    patterns: tuple[re.Pattern[str], ...]

    def matches(self, line: str) -> bool:
        """Whether a line of a log tells of it."""
        return any(pattern.search(line) for pattern in self.patterns)


@dataclass(frozen=True)
class Found:
    """A cause, and the last line that tells of it."""

    cause: Cause
    line: str


@cache
def causes() -> tuple[Cause, ...]:
    """Every cause that is known, particular ones before general ones."""
    return tuple(
        Cause(
            entry["cause"], entry["means"], entry.get("guard"), entry["fix"], tuple(map(re.compile, entry["patterns"]))
        )
        for entry in yaml.safe_load(_FILE.read_text("utf-8"))
    )


def cause_of(line: str) -> Cause | None:
    """The first cause that a single line tells of."""
    return next((cause for cause in causes() if cause.matches(line)), None)


def explain(lines: list[str]) -> list[Found]:
    """The causes that lines tell of, each once, in the order in which they are first told.

    What comes first is mostly the reason, and what follows is what it brought about in other processes.
    """
    found: dict[str, Found] = {}
    for line in lines:
        cause = cause_of(line)
        if cause is not None and cause.name not in found:
            found[cause.name] = Found(cause, line.strip())
    return sorted(found.values(), key=lambda one: one.cause.name in _CONSEQUENCES)


_CONSEQUENCES = ("collective-timeout", "host-memory", "hub-not-reached")
"""What is told in a log also where something else was the reason."""


def explain_log(log: Path) -> list[Found]:
    """The causes that the end of a log tells of."""
    return explain(readable_lines(log)[-_TAIL:])
