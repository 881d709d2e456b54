"""Guards: what is known to go wrong with Qwen3, one rule a file."""

from __future__ import annotations

import os
import re
from functools import cache
from importlib import import_module

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit
from qwen_recipes.guards.judge import judge

__all__ = ["Facts", "Fix", "Guard", "Hit", "guard_codes", "guard_named", "guards", "judge", "recipe_guards"]


def guard_codes() -> list[str]:
    """Codes of all guards, in order. Loads none of them."""
    return list(_codes())


@cache
def _codes() -> tuple[str, ...]:
    names = (entry.name for folder in __path__ for entry in os.scandir(folder))
    return tuple(sorted(m[1].upper() for name in names if (m := re.fullmatch(r"(qr[0-9]{3})\.pyc?", name))))


@cache
def guard_named(code: str) -> Guard:
    """The guard of that code. Raises KeyError."""
    if code.upper() not in _codes():
        raise KeyError(code)
    guard: Guard = import_module(f"{__name__}.{code.lower()}").GUARD
    return guard


def guards() -> list[Guard]:
    """Every guard, in the order of codes."""
    return [guard_named(code) for code in _codes()]


def recipe_guards() -> list[Guard]:
    """Those that look at a recipe; the data's, which look at rows, are not loaded."""
    return [guard_named(code) for code in _codes() if not code.startswith("QR5")]
