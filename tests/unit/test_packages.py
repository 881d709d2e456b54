"""Packages that a run needs beyond its framework: named before the framework starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from qwen_recipes.backends import backend_named
from qwen_recipes.launch.packages import missing_packages, wanted
from qwen_recipes.resolve import resolve
from tests.conftest import merged, nested

HERE = Path(sys.executable)
PLAIN = {"training": {"kernels": "none"}}
MEGATRON = {"gpus": 4, "strategy": "megatron"}


@pytest.fixture
def plan(loaded):
    return lambda recipe: resolve(loaded(merged(PLAIN, recipe)), backend_named("ms-swift"))


def test_a_recipe_without_kernels_needs_nothing_more(plan):
    assert missing_packages(plan({}), HERE) == []


def test_the_fused_loss_that_is_on_by_default_needs_its_package(loaded):
    (said,) = missing_packages(resolve(loaded({}), backend_named("ms-swift")), HERE)
    assert "kernels: liger" in said and "kernels: none" in said


@pytest.mark.parametrize("tracker", ["swanlab", "trackio"])
def test_a_tracker_that_is_not_there_is_named_with_how_to_get_it(plan, tracker):
    (said,) = missing_packages(plan(nested("tracking.to", tracker)), HERE)
    assert f"tracking: {tracker}" in said
    assert said.endswith(f"{HERE} -m pip install {tracker}")


def test_an_optimizer_and_a_strategy_ask_for_packages(plan):
    full = {"method": "full", "training": {"optimizer": "galore_adamw"}, "hardware": MEGATRON}
    said = " ".join(missing_packages(plan(full), HERE))
    assert "galore-torch" in said and "megatron-core" in said and "mcore-bridge" in said


def test_what_is_installed_is_not_named(plan):
    """tensorboard comes with every environment, and a package that is there is found."""
    from qwen_recipes.launch import packages

    assert wanted(plan(nested("tracking.to", "tensorboard"))) == {}
    there = {"wandb": ("json", "json")}
    original, packages.OF_TRACKER["wandb"] = packages.OF_TRACKER["wandb"], there["wandb"]
    try:
        assert missing_packages(plan(nested("tracking.to", "wandb")), HERE) == []
    finally:
        packages.OF_TRACKER["wandb"] = original
