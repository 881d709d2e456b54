"""The locked requirements of one environment: exact versions, and what needs a step of its own.

A lock is a requirements file for `pip install --no-deps`. Comments with a mark name what plain pip can't do:

    # after torch: NAME==VERSION VARIABLE=VALUE …   built from source, in the environment itself, with these variables
    # any python: NAME==VERSION                     installed in spite of the Python that it declares
    # empty module: NAME                            imported by the framework and not needed: an empty file stands in
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

STEP_COMMENT = re.compile(r"# (after torch|any python|no dependencies|empty module): (.+)")


@dataclass(frozen=True)
class SourceBuild:
    """A package built from source after torch: its pin, and the variables its build reads."""

    pin: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Requirements:
    """A parsed lock, or the input that a lock is made from (where alone `no_dependencies` is used)."""

    plain: tuple[str, ...]
    built: tuple[SourceBuild, ...] = ()
    any_python: tuple[str, ...] = ()
    no_dependencies: tuple[str, ...] = ()
    empty_modules: tuple[str, ...] = ()

    @property
    def torch(self) -> str | None:
        """The pin of torch, which comes first and may come from an index of its own."""
        return next((pin for pin in self.plain if normalize_name(pin) == "torch"), None)

    @property
    def rest(self) -> tuple[str, ...]:
        """The plain pins without torch."""
        return tuple(pin for pin in self.plain if normalize_name(pin) != "torch")

    def pins(self) -> dict[str, str]:
        """Version by normalized name, of every package that the environment must hold."""
        every = (*self.plain, *(package.pin for package in self.built), *self.any_python)
        return {normalize_name(pin): pin.partition("==")[2] for pin in every if "==" in pin}


def normalize_name(requirement: str) -> str:
    """The normalized name (PEP 503) of the distribution that a requirement names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s=<>!~\[;@]", requirement, maxsplit=1)[0]).lower()


def read_requirements(path: Path) -> Requirements:
    """The requirements in a lock or lock input. Raises OSError where the file can't be read."""
    return parse_requirements(path.read_text("utf-8").splitlines())


def parse_requirements(lines: Iterable[str]) -> Requirements:
    """The requirements in the lines of a lock or lock input."""
    plain: list[str] = []
    marked: dict[str, list[str]] = {}
    for line in map(str.strip, lines):
        if mark := STEP_COMMENT.fullmatch(line):
            marked.setdefault(mark[1], []).append(mark[2].strip())
        elif line and not line.startswith("#"):
            plain.append(line)
    return Requirements(
        tuple(plain),
        tuple(_parse_source_build(text) for text in marked.get("after torch", [])),
        tuple(marked.get("any python", [])),
        tuple(marked.get("no dependencies", [])),
        tuple(marked.get("empty module", [])),
    )


def compute_lock_hash(path: Path) -> str:
    """The SHA-256 of a lock, in hexadecimal: what an environment was built from."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _parse_source_build(text: str) -> SourceBuild:
    pin, *variables = text.split()
    return SourceBuild(pin, dict(variable.split("=", 1) for variable in variables))
