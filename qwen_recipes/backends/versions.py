"""Versions of frameworks, compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from operator import eq, ge, gt, le, lt
from typing import Any

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"<=": le, ">=": ge, "==": eq, "<": lt, ">": gt}


@cache
def parse_version(version: str) -> tuple[int, ...]:
    """`0.9.5.dev1` as (0, 9, 5, 0): the leading numbers of a version, filled up with zeros to four."""
    leading = re.match(r"[0-9]+(\.[0-9]+)*", version)
    parts = [int(part) for part in leading.group().split(".")] if leading else []
    return (*parts, *([0] * (4 - len(parts))))


def is_within_bounds(version: str, bounds: str) -> bool:
    """Whether a version keeps to `>=0.9.3,<0.9.6` and the like; no bounds hold every version."""
    for bound in filter(None, bounds.split(",")):
        sign = next(sign for sign in _COMPARISONS if bound.strip().startswith(sign))
        if not _COMPARISONS[sign](parse_version(version), parse_version(bound.strip().removeprefix(sign).strip())):
            return False
    return True
