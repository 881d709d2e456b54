"""Open settings chosen for speed: only those left open, only what fits by its own bound, each with its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.backends import load_backend
from qwen_recipes.estimate import estimate_plan
from qwen_recipes.finding import RecipeError
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.recipe.example_lengths import summarize_lengths
from qwen_recipes.recipe.load import load_recipe, load_recipe_text
from qwen_recipes.resolve.resolve import resolve
from qwen_recipes.resolve.speed import list_speed_choices, make_training_rows
from tests.conftest import BACKENDS, ROOT

MINIMAL = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"
SHORT = summarize_lengths([120, 200, 260, 325, 420, 640] * 100)
FULL = summarize_lengths([2000, 2032, 2040] * 100)


def plan(text="", backend="llamafactory", lengths=None, hardware="gpu: h200", model="Qwen/Qwen3-4B"):
    recipe = f"version: 1\nmodel: {model}\ndata: {{train: rows.jsonl}}\nhardware: {{{hardware}}}\n{text}"
    loaded = replace(load_recipe_text(recipe, "a.yaml", Path()), lengths=lengths)
    return resolve(loaded, load_backend(backend)), loaded


def test_a_large_gpu_stores_activations_and_takes_more_at_a_time():
    made = plan(lengths=FULL)[0].training
    assert (made.micro_batch_size, made.gradient_checkpointing, made.packing) == (8, False, False)
    assert made.evaluation_micro_batch_size == 4


def test_axolotl_adds_its_kernels_for_adapters():
    assert plan(backend="axolotl", lengths=FULL)[0].training.lora_kernels
    assert not plan("method: dora", "axolotl", FULL)[0].training.lora_kernels


@pytest.mark.parametrize(("backend", "attention"), [("llamafactory", "sdpa"), ("axolotl", "flex_attention")])
def test_short_examples_are_packed_to_as_many_as_the_batch(backend, attention):
    made = plan(backend=backend, lengths=SHORT)[0].training
    assert made.packing and made.attention == attention
    assert made.examples_per_step == pytest.approx(16, rel=0.1)
    assert made.pack_length >= made.sequence_length


@pytest.mark.parametrize(
    ("text", "backend", "lengths"),
    [("", "llamafactory", None), ("", "ms-swift", SHORT), ("training: {neftune: 5}", "axolotl", SHORT)],
)
def test_nothing_is_packed_without_lengths_or_where_it_would_change_what_is_learned(text, backend, lengths):
    assert not plan(text, backend, lengths)[0].training.packing


def test_each_choice_has_its_price_and_the_next_best():
    made, _ = plan(lengths=FULL)
    for name in ("micro_batch_size", "gradient_checkpointing", "liger"):
        reason = made.reasons[f"training.{name}"]
        assert reason.origin == "hardware"
        assert "fastest that fits" in reason.text and "GiB" in reason.text and "next best" in reason.text


def test_what_is_written_stays():
    text = "training: {micro_batch_size: 2, gradient_checkpointing: true, kernels: none, packing: false}"
    made = plan(text, lengths=SHORT)[0].training
    assert (made.micro_batch_size, made.gradient_checkpointing, made.liger, made.packing) == (2, True, False, False)


@pytest.mark.parametrize(
    ("text", "hardware", "why"),
    [
        ("", "gpu: h200, prefer: memory", ""),
        ("", "gpus: 1", "the recipe names no GPU"),
        ("", "gpu: {memory: 80 GiB}", "the GPU's speed is not known"),
        ("training: {fp8: true}", "gpu: h200", "speed is not estimated with fp8 or compile"),
        ("objective: {type: grpo, rewards: [{path: a.py, function: f}]}", "gpu: h200", "not estimated under grpo"),
    ],
)
def test_otherwise_memory_is_spared(text, hardware, why):
    made = plan(text, lengths=FULL, hardware=hardware)[0]
    assert made.training.gradient_checkpointing and made.training.micro_batch_size <= 4
    reason = made.reasons["training.micro_batch_size"].text
    assert (f"not chosen for speed: {why}" in reason or why in reason) if why else "not chosen" not in reason


def test_speed_is_the_default():
    assert plan(lengths=SHORT)[0].training == plan(lengths=SHORT, hardware="gpu: h200, prefer: speed")[0].training


def test_an_unmeasured_framework_keeps_the_cautious_settings():
    assert "nothing was measured" in plan(backend="unsloth")[0].reasons["training.micro_batch_size"].text


def test_flash_attention_is_not_assumed_in_an_environment_of_your_own():
    made = plan("run: {environment: current}", "ms-swift", SHORT)[0]
    assert not made.training.packing
    said = "it is not known whether your environment has it; if it does, set `attention: flash_attention_2`"
    assert said in made.reasons["training.packing"].text


@pytest.mark.parametrize(
    ("backend", "gpu", "said"),
    [
        ("ms-swift", "h200", "packing and flash_attention_2 would train 2.0 times as many examples/s; it needs "
         "`recipes env create ms-swift --device cuda --with flash-attn`, then `recipes lock` or `attention:"),
        ("trl", "h200", "flash_attention_4 would train 1.3 times as many examples/s; it needs "
         "`recipes env create trl --device cuda --with flash-attn-4`"),
        ("llamafactory", "l40s", "recipes env create llamafactory --device cuda --with flash-attn`"),
    ],
)  # fmt: skip
def test_what_flash_attention_would_gain_is_said_and_the_choice_is_the_best_without_it(backend, gpu, said):
    made = plan(backend=backend, lengths=SHORT, hardware=f"gpu: {gpu}")[0]
    assert made.training.attention == "sdpa" and said in made.reasons["training.attention"].text


@pytest.mark.parametrize(("backend", "gpu"), [("axolotl", "h200"), ("trl", "t4"), ("ms-swift", "mi300x")])
def test_nothing_is_said_where_flash_attention_gains_nothing_or_does_not_run(backend, gpu):
    """Axolotl's flex attention computes no more of a pack than FlashAttention does."""
    made = plan(backend=backend, lengths=SHORT, hardware=f"gpu: {gpu}")[0]
    assert "--with" not in "".join(reason.text for reason in made.reasons.values())


@pytest.mark.parametrize(
    ("backend", "package", "attention"),
    [
        ("ms-swift", "flash-attn", "flash_attention_2"),
        ("ms-swift", "flash-attn-4", "sdpa"),
        ("llamafactory", "flash-attn", "flash_attention_2"),
        ("trl", "flash-attn-4", "flash_attention_4"),
        ("trl", "kernels", "flash_attention_2"),
    ],
)
def test_what_the_lock_found_in_the_environment_is_used(backend, package, attention):
    recipe = load_recipe_text(f"{MINIMAL}hardware: {{gpu: h200}}", "a.yaml", Path())
    loaded = replace(recipe, lengths=SHORT, packages=((backend, (package,)),))
    made = resolve(loaded, load_backend(backend))
    assert made.training.attention == attention
    assert made.training.packing == (attention != "sdpa")


def test_packages_are_read_from_the_lock_beside_a_recipe(tmp_path):
    (tmp_path / "a.yaml").write_text(MINIMAL)
    (tmp_path / "a.lock").write_text(json.dumps({"version": 1, "backends": {"trl": {"packages": ["flash-attn"]}}}))
    loaded = load_recipe(str(tmp_path / "a.yaml"))
    assert loaded.list_packages("trl") == ("flash-attn",) and loaded.list_packages("axolotl") == ()
    (tmp_path / "a.lock").write_text(json.dumps({"version": 1, "backends": {"trl": {"packages": [1]}}, "x": 1}))
    assert load_recipe(str(tmp_path / "a.yaml")).packages == ()


def test_what_fits_nowhere_says_so():
    made = plan("method: full\ntraining: {sequence_length: 8192}", hardware="gpu: rtx-3060")[0]
    assert "no setting is certain to fit" in made.reasons["training.micro_batch_size"].text


def test_nothing_that_was_chosen_counts_as_written():
    for lengths, backend, gpus in [(SHORT, "axolotl", 1), (FULL, "trl", 2), (None, "ms-swift", 8)]:
        hardware = f"gpu: l40s, gpus: {gpus}"
        made = plan("method: lora", backend, lengths, hardware)[0]
        usual = plan("method: lora", backend, lengths, f"{hardware}, prefer: memory")[0]
        for path, reason in made.reasons.items():
            if reason.origin == "recipe" and reason != usual.reasons.get(path):
                assert reason.fields and set(reason.fields) <= made.set_fields, (path, reason)


def test_another_strategy_has_to_be_much_faster():
    """An estimate of several GPUs' speed is a rule of thumb."""
    example = load_recipe(str(ROOT / "examples/full-eight-gpus.yaml"), ("hardware.strategy=auto",))
    made = resolve(example, load_backend("trl"))
    assert made.hardware.strategy == "fsdp"
    assert "about as fast: zero3" in made.reasons["hardware.strategy"].text


def test_a_strategy_that_was_taken_because_it_fits_stays():
    text = "method: lora\ntraining: {sequence_length: 512, batch_size: 8}"
    made = plan(text, backend="axolotl", hardware="gpu: rtx-4080, gpus: 2", model="Qwen/Qwen3-8B")[0]
    assert made.hardware.strategy == "fsdp"


METHODS = st.sampled_from(["full", "lora", "qlora", "dora", "{type: lora, rank: 128}"])
GPUS = st.sampled_from(["rtx-3060", "rtx-4090", "l40s", "a100-80gb", "h100", "h200"])
MODELS = st.sampled_from(
    ["Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-8B", "Qwen/Qwen3-14B", "Qwen/Qwen3-30B-A3B"]
)
LENGTHS = st.none() | st.lists(st.integers(20, 4000), min_size=200, max_size=200).map(summarize_lengths)


TRAINING = st.fixed_dictionaries(
    {"sequence_length": st.sampled_from([512, 2048, 8192]), "batch_size": st.sampled_from([8, 16, 48, 64])},
    optional={
        "micro_batch_size": st.sampled_from([1, 2]),
        "gradient_checkpointing": st.booleans(),
        "packing": st.booleans(),
        "kernels": st.sampled_from([["liger"], ["none"]]),
        "optimizer": st.sampled_from(["adamw_8bit", "adamw_torch"]),
        "weights_dtype": st.sampled_from(["float32", "bfloat16"]),
        "overlong": st.sampled_from(["drop", "truncate"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    MODELS,
    METHODS,
    GPUS,
    st.sampled_from([1, 2, 8]),
    LENGTHS,
    st.sampled_from(BACKENDS),
    TRAINING,
    st.sampled_from(["sft", "pretrain", "dpo", "kto", "orpo", "reward"]),
)
def test_no_choice_exceeds_its_bound(model, method, gpu, gpus, lengths, backend, training, objective):
    """Where nothing is below the bound, the plan is the cautious one and says so. What is written stays."""
    recipe = {"version": 1, "model": model, "data": {"train": "rows.jsonl"}, "objective": objective}
    recipe |= {"method": yaml.safe_load(method), "training": training}
    try:
        made, cautious = (
            resolve_json(recipe | {"hardware": {"gpu": gpu, "gpus": gpus, **more}}, lengths, backend)
            for more in ({}, {"prefer": "memory"})
        )
    except RecipeError:
        return
    facts = get_model_facts(made.model, Path())
    estimate = estimate_plan(made, facts, get_gpu_model(gpu), make_rows(made, lengths))
    if estimate.safe_peak > estimate.usable:
        assert made.training == cautious.training
        assert "no setting is certain to fit" in str(list_speed_choices(made))
    for name, value in training.items():
        if name not in ("kernels", "batch_size"):
            assert getattr(made.training, name) == value
    assert (made.training.examples_per_step or 0) == pytest.approx(cautious.training.examples_per_step or 0, rel=0.1)


def resolve_json(recipe, lengths, backend):
    loaded = replace(load_recipe_text(json.dumps(recipe), "a.yaml", Path()), lengths=lengths)
    return resolve(loaded, load_backend(backend))


def make_rows(made, lengths):
    loaded = replace(load_recipe_text(MINIMAL, "a.yaml", Path()), lengths=lengths)
    return make_training_rows(loaded, made)
