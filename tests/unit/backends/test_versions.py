"""Versions are compared by their numbers; a guard is about those it names."""

from __future__ import annotations

import dataclasses

import pytest

from qwen_recipes.backends.versions import is_within_bounds, parse_version
from qwen_recipes.guards import load_guard


@pytest.mark.parametrize(
    ("version", "bounds", "kept"),
    [
        ("0.9.10", ">=0.9.9", True),
        ("0.9.5", "<0.9.5", False),
        ("0.9.5.dev1", "<=0.9.5", True),
        ("0.21", "==0.21.0", True),
        ("0.10", ">=0.9.3, <0.12", True),
        ("0.12", ">=0.9.3,<0.12", False),
        ("1", "", True),
        ("main", "<0.1", True),
    ],
)
def test_within(version, bounds, kept):
    assert is_within_bounds(version, bounds) is kept


def test_numbers():
    assert parse_version("0.9.5.dev1+cpu") == (0, 9, 5, 0)


def test_a_guard_is_about_the_versions_it_names():
    guard = dataclasses.replace(load_guard("QR101"), backends=("axolotl",), versions={"axolotl": "<0.12"})
    assert guard.applies_to("axolotl", "0.11.2")
    assert not guard.applies_to("axolotl", "0.12")
    assert not guard.applies_to("ms-swift", "0.11")
