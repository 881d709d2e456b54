"""One recipe, one curve: a framework's losses are those committed of another, and a changed setting changes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.finding import RecipeError
from research.curves.curve_recipes import BACKENDS, CURVES
from research.curves.measure_curves import RESULTS
from research.curves.run_curves import StartingPoint, make_starting_point, prepare_curve, train_cases
from research.curves.seeded_changes import BACKEND, CHANGES, IN_CI, TOLERANCE, SeededChange

pytestmark = pytest.mark.training
REFERENCE = {"axolotl": "llamafactory", "llamafactory": "axolotl", "ms-swift": "axolotl", "trl": "axolotl"}
"""The framework whose committed curve is held against."""
SAMPLE = {"sft-adapter": 12, "dpo-adapter": 8}
FULL_SAMPLE = {"sft-full": 12, "dpo-full": 8}
"""Curves that CI trains, and optimizer steps of each; all weights where a framework continues no adapter."""


@pytest.fixture(scope="module")
def start(interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> StartingPoint:
    return make_starting_point(tmp_path_factory.mktemp("curves"), interpreter("llamafactory"))


@pytest.fixture(scope="module")
def committed() -> dict[str, dict[str, dict[str, list[float]]]]:
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))["curves"]
    return found


def find_largest(log: list[dict[str, float]], reference: dict[str, list[float]]) -> float:
    """The largest difference of a step's loss; infinite where the run logged fewer steps."""
    pairs = list(zip((entry["loss"] for entry in log), reference["loss"], strict=False))
    return max(abs(one - other) for one, other in pairs) if pairs else float("inf")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_steps_are_those_of_another_framework(
    backend: str, interpreter: Callable[[str], Path], start: StartingPoint, committed: Any, tmp_path: Path
) -> None:
    sample = SAMPLE if all(backend in CURVES[name].backends for name in SAMPLE) else FULL_SAMPLE
    cases = {
        name: prepare_curve(CURVES[name], backend, tmp_path / name, start, stop_after=steps)
        for name, steps in sample.items()
    }
    train_cases(backend, interpreter(backend), list(cases.values()), tmp_path)
    for name, case in cases.items():
        log = case.read_log()
        assert len(log) == sample[name]
        assert find_largest(log, committed[name][REFERENCE[backend]]) < TOLERANCE, name


@pytest.mark.full
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_step_is_that_of_another_framework(
    backend: str, interpreter: Callable[[str], Path], start: StartingPoint, committed: Any, tmp_path: Path
) -> None:
    trained = {name: recipe for name, recipe in CURVES.items() if backend in recipe.backends}
    cases = {name: prepare_curve(recipe, backend, tmp_path / name, start) for name, recipe in trained.items()}
    train_cases(backend, interpreter(backend), list(cases.values()), tmp_path)
    for name, case in cases.items():
        log = case.read_log()
        assert len(log) == 60
        assert find_largest(log, committed[name][REFERENCE[backend]]) < TOLERANCE, name


def find_unnoticed(
    changes: list[SeededChange], python: Path, start: StartingPoint, committed: Any, folder: Path
) -> list[str]:
    """The changed settings that leave the curve as it was."""
    cases = [
        prepare_curve(CURVES[one.curve], BACKEND, folder / str(n), start, {one.key: one.value}, one.steps)
        for n, one in enumerate(changes)
    ]
    train_cases(BACKEND, python, cases, folder)
    unnoticed = []
    for one, case in zip(changes, cases, strict=True):
        difference = find_largest(case.read_log(), committed[one.curve][REFERENCE[BACKEND]])
        if difference < TOLERANCE:
            unnoticed.append(f"{one.key}: {one.value} changes no loss by more than {difference:.2g}")
    return unnoticed


@pytest.mark.parametrize("keys", [pytest.param(IN_CI, id="some"), pytest.param(None, id="all", marks=pytest.mark.full)])
def test_a_changed_setting_changes_the_curve(
    keys: tuple[str, ...] | None,
    interpreter: Callable[[str], Path],
    start: StartingPoint,
    committed: Any,
    tmp_path: Path,
) -> None:
    changes = [one for one in CHANGES if keys is None or one.key in keys]
    assert find_unnoticed(changes, interpreter(BACKEND), start, committed, tmp_path) == []


def test_twenty_settings_are_changed() -> None:
    assert len({one.key for one in CHANGES}) == len(CHANGES) >= 20


def test_a_curve_that_a_framework_does_not_train_is_refused(tmp_path: Path) -> None:
    start = StartingPoint(Path("Qwen/Qwen3-0.6B"), tmp_path / "adapter")
    for name, recipe in CURVES.items():
        for backend in set(BACKENDS) - set(recipe.backends):
            with pytest.raises(RecipeError) as caught:
                prepare_curve(recipe, backend, tmp_path / f"{name}-{backend}", start)
            assert any("`method.start_from`" in one.message for one in caught.value.findings)
