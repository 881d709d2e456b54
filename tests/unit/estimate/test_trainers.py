"""What each trainer holds beside the others, and what was said before the judged cells were measured."""

from __future__ import annotations

import dataclasses
import json

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.estimate import TrainingRows, estimate_plan
from qwen_recipes.estimate.memory import (
    embedding_gradient_bytes,
    optimizer_state_bytes,
    stored_weight_bytes,
)
from qwen_recipes.estimate.padding import compute_padded_length
from qwen_recipes.estimate.workload import build_workload
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.resolve import resolve
from research.estimates.trainer_page import load_judgements
from research.estimates.trainer_results import load_trainer_cells

GIB = 2**30
SMALL = REGISTRY["Qwen/Qwen3-0.6B"]
JUDGED = load_judgements()


@pytest.fixture
def load_of(loaded):
    def make(recipe, backend="axolotl", trainer=None, model="Qwen/Qwen3-0.6B"):
        plan = resolve(loaded({"model": model, **recipe}), load_backend(backend))
        return build_workload(dataclasses.replace(plan, backend=trainer or backend), REGISTRY[model])

    return make


def test_embeddings_keep_moments_of_32_bits_under_an_8_bit_optimizer(load_of):
    load = load_of({"method": "full", "training": {"optimizer": "adamw_8bit"}})
    embedding = SMALL.hidden_size * SMALL.vocab_size
    assert optimizer_state_bytes(load) == 2.0 * SMALL.parameters + 6.0 * embedding
    assert optimizer_state_bytes(dataclasses.replace(load, trainer="plain")) == 2.0 * SMALL.parameters


@pytest.mark.parametrize(
    ("optimizer", "moments"),
    [("adamw_torch", 2), ("schedule_free_adamw", 2), ("ademamix", 3), ("lion_32bit", 1), ("sgd", 0)],
)
def test_states_are_the_optimizers_moments(load_of, optimizer, moments):
    load = load_of({"method": "full", "training": {"optimizer": optimizer}})
    assert optimizer_state_bytes(load) == moments * 4.0 * SMALL.parameters


def test_axolotl_alone_makes_experts_float32_on_a_quantized_base(load_of):
    recipe, model = {"method": "qlora"}, "Qwen/Qwen3-30B-A3B"
    wide, narrow = (stored_weight_bytes(load_of(recipe, backend, model=model)) for backend in ("axolotl", "ms-swift"))
    assert wide == pytest.approx(2 * narrow, rel=0.05)


def test_a_tied_embedding_has_a_second_gradient_and_an_untied_one_only_when_steps_accumulate(load_of):
    training = {"batch_size": 1, "micro_batch_size": 1}
    tied, untied = (
        load_of({"method": "full", "training": training}, model=f"Qwen/Qwen3-{size}") for size in ("0.6B", "8B")
    )
    assert embedding_gradient_bytes(tied) == 4.0 * SMALL.hidden_size * SMALL.vocab_size
    assert embedding_gradient_bytes(untied) == 0.0
    assert embedding_gradient_bytes(dataclasses.replace(untied, accumulation=2)) > 0.0


def test_preferences_hold_what_their_trainer_makes_of_logits(loaded):
    plan = resolve(
        loaded({"objective": "dpo", "training": {"micro_batch_size": 2, "batch_size": 2}}), load_backend("llamafactory")
    )

    def peak(trainer):
        one = dataclasses.replace(plan, backend=trainer)
        return estimate_plan(one, REGISTRY["Qwen/Qwen3-4B"], get_gpu_model("h200")).peak

    assert peak("llamafactory") > peak("ms-swift") > peak("axolotl") > peak("trl")


def test_the_longest_row_counts_where_rows_are_known(loaded):
    plan = resolve(loaded({"objective": "dpo"}), load_backend("axolotl"))
    facts, gpu = REGISTRY["Qwen/Qwen3-4B"], get_gpu_model("h200")
    whole, known, guessed = (
        estimate_plan(plan, facts, gpu, rows).allocated
        for rows in (
            None,
            TrainingRows(100, 300, longest=512, exact=True),
            TrainingRows(100, 300, longest=512),
        )
    )
    assert known < whole == guessed


def test_a_micro_batch_is_as_long_as_its_longest_row():
    assert compute_padded_length((1, 3), 2, 1, 100) == 2
    assert compute_padded_length((1, 3), 2, 2, 100) == 2.5
    assert compute_padded_length((1, 300), 2, 50, 100) == pytest.approx(100)
    assert compute_padded_length((), 100, 1, 1000) == 100 < compute_padded_length((), 100, 8, 1000)


def test_nothing_that_was_said_to_fit_ran_out():
    capped = [j for j in JUDGED if j.said["fits"] == "yes"]
    assert len(capped) > 10 and all(j.trained for j in capped)
    assert not [j for j in JUDGED if j.said["fits"] == "no" and j.trained]


def test_judged_cells_are_none_of_the_fitted_and_their_estimates_hold():
    fitted = {cell.cell["id"] for cell in load_trainer_cells() if cell.cell["split"] == "fitted"}
    assert not fitted & {j.cell.cell["id"] for j in JUDGED}
    some = [abs(j.error_now) for j in JUDGED if j.trained and not j.said["cap"]]
    assert sum(some) / len(some) < 0.05


def test_no_peak_was_reset_by_a_framework():
    """What a moment of a step had at its peak is nowhere above the whole run's."""
    for cell in load_trainer_cells():
        result = cell.result
        if result and result["outcome"] == "trained":
            assert result["peak_allocated"] >= max(result["moments"].values()), cell.cell["id"]
            assert result["peak_reserved"] >= result["peak_allocated"]
            assert json.dumps(result["versions"])
