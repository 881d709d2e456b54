"""What a recipe leaves open is not refused: only a value that a person wrote can be."""

from __future__ import annotations

from itertools import product

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.finding import RecipeError
from qwen_recipes.guards.lint import lint_recipe
from qwen_recipes.resolve import resolve
from tests.conftest import BACKENDS

METHODS = ("lora", "qlora", "full", {"type": "freeze", "layers": 2}, {"type": "lora", "dora": True})
HARDWARE = (
    {"gpus": 1},
    {"gpus": 1, "gpu": "h200"},
    *({"gpus": 2, "strategy": strategy} for strategy in ("ddp", "zero2", "zero3", "fsdp")),
)
WRITTEN_STRATEGY = {"quantization.bits"}
"""Follows from `method: qlora`, which is written, under a strategy that is written."""


def _find_refused_defaults(loaded, backend) -> set[str]:
    plan = resolve(loaded, backend)
    written = tuple(plan.set_fields)
    fields = {limit.field for limit in backend.find_unsupported(plan)}
    return {field for field in fields if not any(f"{one}.".startswith(f"{field}.") for one in written)}


@pytest.mark.parametrize("name", BACKENDS)
def test_no_default_is_refused(loaded, name):
    backend, found = load_backend(name), {}
    for method, objective, hardware in product(METHODS, ("sft", "dpo"), HARDWARE):
        changes = {"method": method, "objective": objective, "hardware": hardware}
        try:
            refused = _find_refused_defaults(loaded(changes), backend) - WRITTEN_STRATEGY
        except RecipeError:
            continue
        for field in refused:
            found.setdefault(field, changes)
    assert not found


STRATEGY_GUARDS = {"QR101", "QR103", "QR111", "QR112", "QR114"}


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("gpu", ["rtx-3060", "rtx-4080", "rtx-4090", "a100-40gb", "h100"])
def test_no_strategy_that_is_chosen_is_refused_by_a_guard(loaded, name, gpu):
    found = []
    for method, model, length in product(METHODS[:3], ("Qwen/Qwen3-8B", "Qwen/Qwen3-32B"), (512, 8192)):
        changes = {"model": model, "method": method, "training": {"sequence_length": length, "batch_size": 8}}
        recipe = loaded({**changes, "hardware": {"gpu": gpu, "gpus": 2}})
        refused = {one.code for one in lint_recipe(recipe, name) if one.severity == "error"}
        found += [(method, model, length, code) for code in refused & STRATEGY_GUARDS]
    assert not found


def test_checkpointing_is_off_where_axolotl_refuses_our_default(loaded):
    """ZeRO-3 needs reentrant checkpointing, which Axolotl refuses of a partly frozen model."""
    changes = {"method": {"type": "freeze", "layers": 2}, "hardware": {"gpus": 2, "strategy": "zero3"}}
    axolotl = load_backend("axolotl")
    plan = resolve(loaded(changes), axolotl)
    assert not plan.training.gradient_checkpointing
    assert "Axolotl does not support it" in plan.reasons["training.gradient_checkpointing"].text
    written = resolve(loaded({**changes, "training": {"gradient_checkpointing": True}}), axolotl)
    assert [limit.field for limit in axolotl.find_unsupported(written)] == ["training.gradient_checkpointing"]
