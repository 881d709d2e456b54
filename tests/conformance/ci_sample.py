"""What of a test's cases CI tries; `make conformance-full` tries all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def list_parameters(cases: Iterable[Any], *in_ci: Any) -> list[Any]:
    """Parameters of a test: each case, marked `full` unless it is one of `in_ci`. A tuple is several arguments."""
    return [case if case in in_ci else _leave_to_full(case) for case in cases]


def _leave_to_full(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.full)
