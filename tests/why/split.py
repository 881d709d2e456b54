"""Which cases are held out from the patterns: a rule, so that nobody chooses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

CASES = Path(__file__).parent / "cases.yaml"


def is_held_out(source: str) -> bool:
    """Whether a case's `source` has an even SHA-256."""
    return int(hashlib.sha256(source.encode()).hexdigest(), 16) % 2 == 0


def load_cases(want_held_out: bool) -> list[dict[str, str]]:
    """The cases of one half."""
    return [case for case in yaml.safe_load(CASES.read_text("utf-8")) if is_held_out(case["source"]) == want_held_out]
