"""Preferences through the frameworks: our ids and masks in their batches, plain torch's losses at their trainers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from research.parity.made_preferences import KINDS
from research.parity.measure_preferences import make_model, measure_tokens
from research.parity.preference_cells import BACKENDS, OBJECTIVES, UNSUPPORTED
from research.parity.preference_losses import (
    LOSS_TOLERANCE,
    RELATIVE_TOLERANCE,
    LossDifference,
    measure_losses,
    shrink_model,
)

from .ci_sample import list_parameters

pytestmark = pytest.mark.training

SAMPLED, EXAMPLES_OF_A_KIND = ("dpo", "kto"), 40
"""Objectives of which CI draws two examples of each kind, and how many of each are drawn of all."""


def check_tokens(
    name: str, python: Path, model: Path, folder: Path, count: int, objectives: tuple[str, ...] = OBJECTIVES
) -> None:
    """Every example of every kind that compiles is in the framework's batches, id for id, and no other."""
    found = measure_tokens(name, python, model, folder, count, objectives)
    assert found.keys() == set(objectives)
    for objective, one in found.items():
        assert ("refused" in one) == ((name, objective) in UNSUPPORTED), (objective, one)
        if "refused" in one:
            continue
        assert set(one["examples"]) == set(KINDS), (objective, one)
        assert sum(one["examples"].values()) > 0.9 * count * len(KINDS)
        assert one["same"] == one["examples"], objective
        assert one["drawn"] == sum(one["examples"].values()), objective
        if objective == "kto":
            assert one["mismatched"] == one["drawn"]


@pytest.mark.parametrize("name", list_parameters(BACKENDS, "axolotl", "trl"))
def test_examples_have_our_ids_and_masks(
    name: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    check_tokens(name, interpreter(name), tiny_model(name), tmp_path, 2, SAMPLED)


@pytest.mark.full
@pytest.mark.parametrize("name", BACKENDS)
def test_every_kind_has_our_ids_and_masks_with_every_objective(
    name: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    check_tokens(name, interpreter(name), tiny_model(name), tmp_path, EXAMPLES_OF_A_KIND)


@pytest.mark.parametrize("name", list_parameters(BACKENDS, "llamafactory"))
def test_first_losses_are_those_of_plain_torch(name: str, interpreter: Callable[[str], Path], tmp_path: Path) -> None:
    """Losses to 1e-5, log-probabilities of policy and reference to a relative 1e-5."""
    plain = interpreter("llamafactory")
    make_model(plain, tmp_path / "whole")
    small = shrink_model(tmp_path / "whole", tmp_path / "small", plain)
    objectives = [one for one in OBJECTIVES if (name, one) not in UNSUPPORTED]
    found = measure_losses(name, interpreter(name), plain, small, tmp_path, objectives)
    for objective, difference in found.items():
        assert difference.loss < LOSS_TOLERANCE, (objective, difference)
        assert difference.log_probability < RELATIVE_TOLERANCE, (objective, difference)
        assert_log_probabilities_were_compared(objective, difference)


def assert_log_probabilities_were_compared(objective: str, difference: LossDifference) -> None:
    """Of the five batches both sides; of those that compare, the reference's too. Rewards are no probabilities."""
    least = {"reward": 0, "orpo": 10, "simpo": 10, "dpo": 20, "kto": 10}[objective]
    assert difference.compared >= least, (objective, difference)
