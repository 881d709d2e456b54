"""Keys that a framework's own checks refuse together: each framework lists its combinations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation

Data = Mapping[str, Any]


@dataclass(frozen=True)
class RefusedCombination:
    """One combination. The finding points at the first of `keys` that is written; `applies` looks at the values."""

    keys: tuple[str, ...]
    applies: Callable[[Data], bool]
    message: str
    suggestion: str


def find_refused_combinations(
    config: NativeConfig, combinations: Iterable[RefusedCombination]
) -> Iterator[NativeViolation]:
    """Those that a config has. A value that a variable holds is no value here."""
    data = {key: value for key, value in config.data.items() if not (isinstance(value, str) and "$" in value)}
    for one in combinations:
        key = next((key for key in one.keys if data.get(key) is not None), None)
        if key is not None and one.applies(data):
            yield NativeViolation((key,), one.message, one.suggestion, at_key=True)


def find_endless_warmup(config: NativeConfig) -> Iterator[NativeViolation]:
    """A warmup of at least as many steps as the run has: the learning rate never comes down, or never up."""
    data = {key.replace("-", "_"): value for key, value in config.data.items()}
    warmup, steps = read_number(data, "warmup_steps"), read_number(data, "max_steps")
    if warmup and steps and warmup >= steps > 0:
        message = f"the warmup of {warmup:g} steps does not end within the run's {steps:g}"
        route = next(key for key in config.data if key.replace("-", "_") == "warmup_steps")
        yield NativeViolation((route,), message, "warmup_ratio: 0.05", severity="warning", at_key=True)


def is_on(data: Data, key: str) -> bool:
    """Whether a switch is on, as YAML 1.1 reads it."""
    value = data.get(key)
    return value is True or (isinstance(value, str) and value.lower() in ("true", "yes", "on", "1"))


def is_given(data: Data, key: str) -> bool:
    """Whether a key has a value that says anything."""
    return data.get(key) not in (None, "", [], {}, False)


def read_number(data: Data, key: str) -> float | None:
    """The number under a key; None where there is none."""
    value = data.get(key)
    try:
        return None if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        return None
