"""Packages that a run needs beyond its framework: named before the framework starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.environments.optional_packages import find_missing_packages, list_needed_packages
from qwen_recipes.resolve import resolve
from tests.conftest import deep_merge, nest_value

HERE = Path(sys.executable)
PLAIN = {"training": {"kernels": "none"}}
MEGATRON = {"gpus": 4, "strategy": "megatron"}


@pytest.fixture
def plan(loaded):
    return lambda recipe: resolve(loaded(deep_merge(PLAIN, recipe)), load_backend("ms-swift"))


def test_a_recipe_without_kernels_needs_nothing_more(plan):
    assert find_missing_packages(plan({}), HERE) == []


def test_the_fused_loss_that_is_on_by_default_needs_its_package(loaded):
    (said,) = find_missing_packages(resolve(loaded({}), load_backend("ms-swift")), HERE)
    assert "kernels: liger" in said and "kernels: none" in said


@pytest.mark.parametrize("tracker", ["swanlab", "trackio"])
def test_a_tracker_that_is_not_there_is_named_with_how_to_get_it(plan, tracker):
    (said,) = find_missing_packages(plan(nest_value("tracking.to", tracker)), HERE)
    assert f"tracking: {tracker}" in said
    assert said.endswith(f"{HERE} -m pip install {tracker}")


def test_an_optimizer_and_a_strategy_ask_for_packages(plan):
    full = {"method": "full", "training": {"optimizer": "galore_adamw"}, "hardware": MEGATRON}
    said = " ".join(find_missing_packages(plan(full), HERE))
    assert "galore-torch" in said and "megatron-core" in said and "mcore-bridge" in said


def test_what_is_installed_is_not_named(plan):
    """tensorboard comes with every environment, and a package that is there is found."""
    from qwen_recipes.environments import optional_packages

    assert list_needed_packages(plan(nest_value("tracking.to", "tensorboard"))) == {}
    there = {"wandb": ("json", "json")}
    original, optional_packages.TRACKER_PACKAGES["wandb"] = optional_packages.TRACKER_PACKAGES["wandb"], there["wandb"]
    try:
        assert find_missing_packages(plan(nest_value("tracking.to", "wandb")), HERE) == []
    finally:
        optional_packages.TRACKER_PACKAGES["wandb"] = original


@pytest.mark.parametrize(
    ("recipe", "backend", "package", "asked"),
    [
        (nest_value("training.attention", "flash_attention_2"), "llamafactory", "flash-attn", "attention:"),
        (nest_value("training.attention", "flash_attention_2"), "ms-swift", "flash-attn", "attention:"),
        (nest_value("training.attention", "flash_attention_3"), "ms-swift", "flash-attn-3", "attention:"),
        ({"hardware": {"gpus": 2}}, "llamafactory", "deepspeed", "strategy: zero2"),
        ({"method": "qlora"}, "axolotl", "bitsandbytes", "quantization.bits: 4"),
        (nest_value("training.optimizer", "paged_adamw_8bit"), "axolotl", "bitsandbytes", "optimizer: paged"),
        (nest_value("training.optimizer", "schedule_free_adamw"), "ms-swift", "schedulefree", "optimizer:"),
        (nest_value("training.kernels", ["cut-cross-entropy"]), "axolotl", "cut-cross-entropy", "kernels:"),
        ({"backends": {"ms-swift": {"extra": {"use_vllm": True}}}}, "ms-swift", "vllm", "extra: use_vllm"),
        ({"backends": {"axolotl": {"extra": {"trl": {"use_vllm": True}}}}}, "axolotl", "vllm", "extra: use_vllm"),
    ],
)
def test_what_the_compiled_file_needs_is_looked_for(loaded, recipe, backend, package, asked):
    """In this environment none of them is installed."""
    made = resolve(loaded(deep_merge(PLAIN, recipe)), load_backend(backend))
    (said,) = find_missing_packages(made, HERE)
    assert f"needs the package {package}," in said and asked in said


def test_axolotl_may_take_flash_attention_from_the_hub_where_it_is_online(loaded, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    made = resolve(loaded({"training": {"kernels": "none", "attention": "flash_attention_2"}}), load_backend("axolotl"))
    assert list_needed_packages(made).keys() == {"flash-attn|kernels"}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert list_needed_packages(made).keys() == {"flash-attn"}


def test_a_switch_that_is_off_asks_for_nothing(plan):
    assert list_needed_packages(plan({"backends": {"ms-swift": {"extra": {"use_vllm": False}}}})) == {}
