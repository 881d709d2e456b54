"""What a rule says of a native config, before it is given its guard's name and its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.versions import is_within_bounds
from qwen_recipes.finding import Route, Severity


@dataclass(frozen=True)
class NativeViolation:
    """One place where a rule is broken.

    `severity` and `why` are those of the guard by default; `at_key` points at the key instead of its value.
    """

    route: Route
    message: str
    suggestion: str
    why: str = ""
    severity: Severity | None = None
    at_key: bool = False


NativeCheck = Callable[[NativeConfig], Iterator[NativeViolation]]


def is_at_least(version: str, config: NativeConfig) -> bool:
    """Whether the config's framework is at least that old a version."""
    return is_within_bounds(config.version, f">={version}")
