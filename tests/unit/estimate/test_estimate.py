"""The estimator: counts that are exact, parts that add up, and more never taking less."""

from __future__ import annotations

import dataclasses
import json
import shlex

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main
from qwen_recipes.compile import compile_recipe
from qwen_recipes.estimate import TrainingRows, estimate_plan, suggest_fitting_changes
from qwen_recipes.estimate.estimate import TOKENIZER_BYTES
from qwen_recipes.estimate.fit_suggestions import FitSuggestion
from qwen_recipes.estimate.measured import load_cells, load_measured_cells
from qwen_recipes.estimate.memory import estimate_memory
from qwen_recipes.estimate.workload import build_workload, build_workload_from_cell, count_trainable_weights
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.gpus.gpu_model import state_gpu
from qwen_recipes.guards.trial import RecipeTrial
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.resolve import resolve
from research.estimates.trainer_results import load_trainer_cells
from tests.conftest import BACKENDS, ROOT, deep_merge, nest_value

GIB = 2**30
FACTS = REGISTRY["Qwen/Qwen3-4B"]
CELL = {
    "stack": "plain", "size": "4B", "method": "lora", "rank": 16, "bits": 16, "seq": 2048, "micro_batch": 2,
    "checkpointing": True, "liger": False, "optimizer": "adamw",
}  # fmt: skip


@pytest.fixture
def planned(loaded):
    def of(recipe, backend="axolotl"):
        return resolve(loaded(recipe), load_backend(backend))

    return of


@pytest.mark.parametrize(
    ("recipe", "count"),
    [
        ({"method": {"type": "lora", "rank": 16}}, 33_030_144),
        ({"method": {"type": "qlora", "rank": 64}}, 132_120_576),
        ({"method": {"type": "dora", "rank": 16}}, 34_136_064),
        ({"method": "full"}, 4_022_468_096),
        ({"model": "Qwen/Qwen3-0.6B", "method": {"type": "lora", "rank": 16}}, 10_092_544),
        ({"model": "Qwen/Qwen3-1.7B", "method": {"type": "lora", "rank": 16}}, 17_432_576),
    ],
)
def test_trainable_weights_are_those_that_were_counted_on_a_gpu(planned, recipe, count):
    """The counts of facts/vram_h100.md, as PEFT printed them."""
    plan = planned(recipe)
    assert count_trainable_weights(plan, get_model_facts(plan.model.id)) == count


@pytest.mark.parametrize("backend", BACKENDS)
def test_parts_add_up_to_the_peak(planned, backend):
    made = estimate_plan(planned({}, backend), FACTS, get_gpu_model("h100"))
    assert sum(made.parts.as_dict().values()) == pytest.approx(made.peak)
    assert made.low < made.peak < made.high
    assert all(size >= 0 for size in made.parts.as_dict().values())


MORE = {"rank": 2, "seq": 2, "micro_batch": 2}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["0.6B", "1.7B", "4B", "8B", "14B", "32B"]),
    st.sampled_from(["lora", "qlora", "dora", "qdora", "8bit", "full"]),
    st.sampled_from([512, 2048, 8192]),
    st.sampled_from([1, 2, 8]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["plain", *BACKENDS]),
    st.sampled_from(sorted(MORE)),
)
def test_more_never_takes_less(size, method, seq, micro, checkpointing, liger, stack, what):
    bits = {"qlora": 4, "qdora": 4, "8bit": 8}.get(method, 16)
    cell = {**CELL, "size": size, "method": method, "bits": bits, "seq": seq, "micro_batch": micro}
    cell |= {"checkpointing": checkpointing, "liger": liger, "stack": stack}
    facts = REGISTRY[f"Qwen/Qwen3-{size}"]
    less, more = (
        estimate_memory(build_workload_from_cell(c, facts)).peak for c in (cell, {**cell, what: cell[what] * 2})
    )
    assert more >= less
    saved = {"checkpointing": True, "liger": True}
    assert estimate_memory(build_workload_from_cell({**cell, **saved}, facts)).peak <= less * 1.001


def test_quantizing_takes_less_and_sharding_takes_less(planned):
    def peak(**recipe):
        return estimate_plan(planned(recipe), FACTS, get_gpu_model("h100")).peak

    assert peak(method="qlora") < peak(method="lora") < peak(method="full")
    full = {"method": "full", "training": {"micro_batch_size": 1, "batch_size": 16}}
    strategies = ("ddp", "zero1", "zero2", "zero3")
    peaks = [peak(**full, hardware={"gpus": 8, "strategy": strategy}) for strategy in strategies]
    assert peaks[1] > peaks[2] > peaks[3]
    fsdp = peak(**full, hardware={"gpus": 8, "strategy": "fsdp"})
    assert fsdp < peak(**full, hardware={"gpus": 2, "strategy": "fsdp"}) < peaks[0]


def test_an_8_bit_optimizer_takes_less_and_a_paged_one_nothing(planned):
    def states(name):
        return estimate_plan(planned({"training": {"optimizer": name}}), FACTS, get_gpu_model("h100")).parts.optimizer

    assert states("paged_adamw_8bit") == 0 < states("adamw_8bit") < states("adamw_torch")


RECIPES = {
    "no fused loss": ({"training": {"sequence_length": 8192, "kernels": "none"}}, "rtx-4090"),
    "bf16 where 4 bits fit": ({"model": "Qwen/Qwen3-14B"}, "rtx-4090"),
    "all weights": ({"method": "full"}, "rtx-5090"),
    "large pieces": ({"training": {"micro_batch_size": 16, "sequence_length": 4096}}, "rtx-4090"),
    "nothing checkpointed": ({"training": {"gradient_checkpointing": False, "sequence_length": 4096}}, "rtx-3090"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", RECIPES)
def test_offers_hold_once_they_are_written_into_the_recipe(loaded, planned, tmp_path, name, backend):
    recipe, gpu = RECIPES[name]
    plan, one = planned(recipe, backend), load_backend(backend)
    facts = get_model_facts(plan.model.id)
    if backend == "trl" and name == "no fused loss":  # TRL's own loss takes the head in slices
        assert estimate_plan(plan, facts, get_gpu_model(gpu)).check_fit() == "yes"
        return
    assert estimate_plan(plan, facts, get_gpu_model(gpu)).check_fit() != "yes"
    trial = RecipeTrial(loaded(recipe), one)
    found = suggest_fitting_changes(plan, facts, get_gpu_model(gpu), one, None, trial.try_overrides)
    assert found
    for offer in found:
        changed = recipe
        for path, value in offer.overrides:
            changed = deep_merge(changed, nest_value(path, value))
        again = resolve(loaded(changed), one)
        assert estimate_plan(again, facts, get_gpu_model(gpu)).check_fit() == "yes", offer.text
        compile_recipe(loaded(changed), one, tmp_path / "out")


def test_steps_and_seconds_follow_from_the_rows(planned):
    plan = planned({"training": {"epochs": 2, "batch_size": 16}})
    rows = TrainingRows(count=1600, mean_tokens=100)
    made = estimate_plan(plan, FACTS, get_gpu_model("h100"), rows)
    assert made.steps == 200
    assert made.training_seconds is not None and made.seconds is not None
    assert made.seconds > made.training_seconds > 200 * made.step_seconds
    longer = estimate_plan(plan, FACTS, get_gpu_model("h100"), TrainingRows(count=3200, mean_tokens=100))
    assert longer.training_seconds - made.training_seconds == pytest.approx(200 * made.step_seconds)
    assert estimate_plan(plan, FACTS, get_gpu_model("h100")).seconds is None


def test_offers_are_told_as_a_shell_takes_them():
    made = FitSuggestion((("training.kernels", ["lora", "liger"]), ("hardware.gpus", 2)), None, 1.0, "")
    words = shlex.split(made.command_line_options)
    assert words == ["--set", "training.kernels=[lora, liger]", "--set", "hardware.gpus=2"]


def test_time_is_not_estimated_for_a_gpu_of_which_only_memory_is_known(planned):
    rows = TrainingRows(1600, 200)
    made = estimate_plan(planned({}), FACTS, state_gpu(48.0), rows)
    assert made.seconds is None and made.peak == estimate_plan(planned({}), FACTS, get_gpu_model("h100"), rows).peak


def test_held_out_cells_outnumber_fitted_ones():
    splits = [cell["split"] for cell in load_cells()]
    assert splits.count("held-out") >= 40 and len(splits) >= 60
    assert len({cell["id"] for cell in load_cells()}) == len(splits)


def test_no_constant_was_left_unfitted_once_there_are_results():
    document = json.loads((ROOT / "qwen_recipes/estimate/constants.json").read_text("utf-8"))
    fitted = [m for m in load_measured_cells() if m.split == "fitted" and m.outcome == "trained"]
    trainers = [c for c in load_trainer_cells() if c.shapes_constants and c.trained]
    assert document.get("fitted_on", 0) == len(fitted) + len(trainers)


def run(*words):
    return CliRunner().invoke(main, list(words))


def test_plan_says_no_with_3_and_what_to_write(write_recipe):
    file = str(write_recipe({"model": "Qwen/Qwen3-14B", "run": {"backend": "axolotl"}}))
    result = run("plan", file, "--gpu", "rtx-4090")
    assert result.exit_code == 3
    assert "does not fit" in result.stdout and "--set method.type=qlora" in result.stdout
    assert run("plan", file, "--gpu", "h100").exit_code == 0
    assert run("plan", file, "--gpu", "rtx-4090", "--gpu", "h100").exit_code == 0, "it fits one of them"
    assert run("plan", file, "--gpu", "rtx-9999").exit_code == 2


def test_plan_for_machines(write_recipe):
    result = run("plan", str(write_recipe({})), "--gpu", "l4", "--backend", "all", "--format", "json")
    verdicts = json.loads(result.stdout)
    assert [verdict["backend"] for verdict in verdicts] == list(BACKENDS)
    for verdict in verdicts:
        memory = verdict["memory_bytes"]
        assert memory["low"] < memory["peak"] < memory["high"]
        assert sum(memory["parts"].values()) == pytest.approx(memory["peak"], abs=16)


def test_one_process_on_its_share_of_the_load(planned):
    plan = planned({"hardware": {"gpus": 4, "strategy": "ddp"}})
    assert build_workload(plan, FACTS).micro_batch == plan.training.micro_batch_size
    single = dataclasses.replace(plan, hardware=dataclasses.replace(plan.hardware, gpus=1, strategy="single"))
    made = [estimate_plan(p, FACTS, get_gpu_model("h100")).tokens_per_second for p in (single, plan)]
    assert 3 < made[1] / made[0] <= 4


FULL_RUN = {
    "method": "full",
    "hardware": {"gpu": "h100", "gpus": 1, "strategy": "single", "prefer": "memory"},
}


def plan_dtype(planned, dtype, more=None, backend="axolotl"):
    recipe = deep_merge(deep_merge(FULL_RUN, {"training": {"weights_dtype": dtype}}), more or {})
    return estimate_plan(planned(recipe, backend), FACTS, get_gpu_model("h100"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_gradients_and_states_have_the_dtype_that_is_asked_for(planned, backend):
    wide, narrow = plan_dtype(planned, "float32", backend=backend), plan_dtype(planned, "bfloat16", backend=backend)
    weights = FACTS.parameters
    assert (wide.parts.weights, wide.parts.optimizer) == (4.0 * weights, 8.0 * weights)
    assert (narrow.parts.weights, narrow.parts.optimizer) == (2.0 * weights, 4.0 * weights)
    assert wide.peak > 1.6 * narrow.peak
    assert wide.disk.output == 4.0 * weights + TOKENIZER_BYTES
    assert narrow.disk.output == 2.0 * weights + TOKENIZER_BYTES
    assert wide.disk.checkpoints == 3 * (12.0 * weights + TOKENIZER_BYTES)
    assert narrow.disk.checkpoints == 3 * (6.0 * weights + TOKENIZER_BYTES)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_framework_is_planned_alike(planned, backend):
    assert plan_dtype(planned, "float32", backend=backend).parts.weights == plan_dtype(planned, "float32").parts.weights


def test_only_the_layers_that_are_trained_are_wide(planned):
    made = plan_dtype(planned, "float32", {"method": {"type": "freeze", "layers": 2}})
    trained = 2 * FACTS.layer_parameters
    axolotls_embedding = 2.0 * FACTS.hidden_size * FACTS.vocab_size
    assert made.parts.weights == 4.0 * trained + 2.0 * (FACTS.parameters - trained) + axolotls_embedding


def test_a_reference_model_stays_in_16_bits(planned):
    pairs = {"objective": "dpo", "data": {"train": {"path": "rows.jsonl", "format": "preference"}}}
    axolotls_embedding = 2.0 * FACTS.hidden_size * FACTS.vocab_size
    assert plan_dtype(planned, "float32", pairs).parts.weights == 6.0 * FACTS.parameters + axolotls_embedding


def test_deepspeed_has_master_weights_beside_16_bits(planned):
    made = plan_dtype(planned, "float32", {"hardware": {"gpus": 2, "strategy": "zero1"}})
    assert (made.parts.weights, made.parts.optimizer) == (2.0 * FACTS.parameters, 12.0 * FACTS.parameters / 2)


def test_an_adapter_in_bfloat16_is_half_as_large(planned):
    lora = {"method": "lora"}
    wide, narrow = plan_dtype(planned, "float32", lora), plan_dtype(planned, "bfloat16", lora)
    assert wide.parts.adapter == 2 * narrow.parts.adapter and wide.parts.optimizer == 2 * narrow.parts.optimizer


def test_bfloat16_weights_are_offered_last_and_with_their_price(planned):
    plan = planned(FULL_RUN)
    offers = suggest_fitting_changes(plan, FACTS, get_gpu_model("l40s"), load_backend("axolotl"))
    assert [offer.overrides for offer in offers][-1] == (("training.weights_dtype", "bfloat16"),)
    assert "QR423" in offers[-1].why and (("method.type", "lora"),) in [offer.overrides for offer in offers]
    assert plan.training.weights_dtype == "float32"


FULL_GRPO = {"method": {"type": "full"}, "objective": {"type": "grpo", "rewards": [{"path": "r.py", "function": "f"}]}}
CONTINUED = {"method": {"type": "lora", "start_from": "runs/first"}}


@pytest.mark.parametrize(
    ("backend", "recipe", "second"),
    [
        ("axolotl", {"objective": {"type": "dpo"}}, False),
        ("axolotl", {"method": {"type": "full"}, "objective": {"type": "dpo"}}, True),
        ("axolotl", {"method": {"type": "full"}, "objective": {"type": "orpo"}}, False),
        ("axolotl", FULL_GRPO, True),
        ("axolotl", deep_merge(FULL_GRPO, {"objective": {"beta": 0}}), False),
        ("axolotl", {**CONTINUED, "objective": {"type": "dpo"}}, False),
        ("llamafactory", {**CONTINUED, "objective": {"type": "dpo"}}, True),
        ("llamafactory", {**CONTINUED, "objective": {"type": "kto"}, "quantization": {"bits": 4}}, True),
        ("llamafactory", {**CONTINUED, "objective": {"type": "dpo", "reference": "base"}}, False),
        ("ms-swift", {**CONTINUED, "objective": {"type": "dpo"}}, False),
        ("ms-swift", {**CONTINUED, "objective": {"kl_weight": 0.1}}, True),
        ("ms-swift", {"objective": {"kl_weight": 0.1}}, False),
        ("ms-swift", {"method": {"type": "full"}, "objective": {"kl_weight": 0.1}}, True),
    ],
)
def test_a_second_model_to_compare_with_is_counted(loaded, backend, recipe, second):
    """tests/conformance/trainer shows which frameworks load one."""
    plan = resolve(loaded(recipe), load_backend(backend))
    made = estimate_plan(plan, FACTS, get_gpu_model("h100"))
    assert made.workload.reference == second
    alone = estimate_memory(dataclasses.replace(made.workload, reference=False))
    assert (made.parts.weights > alone.weights) == second


def test_tokens_per_second_are_those_of_examples_where_lengths_are_known(planned):
    """Padding is not counted: short examples in micro-batches train on fewer tokens a second."""
    gpu, plan = get_gpu_model("h100"), planned({"training": {"sequence_length": 2048, "packing": False}})
    unknown = estimate_plan(plan, FACTS, gpu)
    short = estimate_plan(plan, FACTS, gpu, TrainingRows(1000, 100.0, lengths=(50, 150)))
    assert unknown.trained_tokens_per_second == unknown.tokens_per_second
    assert short.trained_tokens_per_second < short.tokens_per_second
    examples = short.trained_tokens_per_second / 100
    assert examples == pytest.approx(plan.training.batch_size / short.step_seconds)
