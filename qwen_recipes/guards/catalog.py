"""Every guard by its code. A guard's module is loaded when it is asked for."""

from __future__ import annotations

import os
import re
from functools import cache
from importlib import import_module
from pathlib import Path

from qwen_recipes.guards.base import Guard

FOLDER = Path(__file__).parent
FAMILIES = ("parallelism", "adapters", "chat", "optimization", "data", "hardware", "versions")
"""The folders of rules, in the order of their codes: QR1xx to QR7xx."""


def list_guard_codes() -> list[str]:
    """Codes of all guards, in order. Loads none of them."""
    return list(_scan_guard_modules())


@cache
def _scan_guard_modules() -> dict[str, str]:
    """Module of each code, such as `chat.qr307_loss_on_stripped_history`, in the order of codes. Loads none."""
    entries = [(family, e.name) for family in FAMILIES for e in os.scandir(FOLDER / family)]
    names = [(family, m) for family, name in entries if (m := re.fullmatch(r"((qr[0-9]{3})_\w+)\.pyc?", name))]
    return dict(sorted((m[2].upper(), f"{family}.{m[1]}") for family, m in names))


def get_guard_module(code: str) -> str:
    """The module of a guard below this package. Raises KeyError."""
    return _scan_guard_modules()[code.upper()]


@cache
def load_guard(code: str) -> Guard:
    """The guard of that code. Raises KeyError."""
    guard: Guard = import_module(f"qwen_recipes.guards.{get_guard_module(code)}").GUARD
    return guard


def load_guards() -> list[Guard]:
    """Every guard, in the order of codes."""
    return [load_guard(code) for code in _scan_guard_modules()]


def load_recipe_guards() -> list[Guard]:
    """Those that look at a recipe; the data's, which look at rows, are not loaded."""
    return [load_guard(code) for code in _scan_guard_modules() if not code.startswith("QR5")]
