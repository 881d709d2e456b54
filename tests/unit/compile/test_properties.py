"""Recipes at random: they compile, or are refused with a place and a reason; nothing in between."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen_recipes.backends import load_backend, load_backend_version
from qwen_recipes.compile import compile_recipe, find_drifted, write_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.models import REGISTRY
from qwen_recipes.recipe.load import load_recipe
from tests.conftest import BACKENDS

RUAMEL = pytest.importorskip("ruamel.yaml").YAML(typ="safe", pure=True)
OmegaConf = pytest.importorskip("omegaconf").OmegaConf
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def maybe(**fields):
    return st.fixed_dictionaries({}, optional=fields)


INTERVAL = st.just("epoch") | st.integers(1, 300)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SOURCE = st.sampled_from(["a.jsonl", "b c/d's.jsonl", "ü.jsonl"])
RECIPES = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "model": st.sampled_from(sorted(REGISTRY)),
        "data": st.fixed_dictionaries(
            {"train": SOURCE | st.lists(SOURCE, min_size=1, max_size=3)},
            optional={"validation": st.floats(0.01, 0.5) | SOURCE},
        ),
    },
    optional={
        "chat": maybe(
            template=st.sampled_from(["auto", "hybrid", "base", "mine.jinja"]),
            train_on=st.sampled_from(["assistant", "last-assistant", "all"]),
            thinking=st.sampled_from(["auto", "train-empty"]),
        ),
        "method": maybe(
            type=st.sampled_from(["full", "freeze", "lora", "dora", "qlora", "qdora"]),
            variant=st.sampled_from(["plain", "dora", "pissa"]),
            rank=st.integers(1, 300),
            alpha=st.integers(1, 300),
            dropout=st.floats(0, 0.9),
            targets=st.just("all-linear") | st.lists(st.sampled_from(TARGETS), min_size=1, unique=True),
            rslora=st.sampled_from(["auto", True, False]),
        ),
        "quantization": maybe(
            bits=st.sampled_from([4, 8]),
            type=st.sampled_from(["nf4", "fp4"]),
            double=st.booleans(),
            storage=st.sampled_from(["auto", "uint8", "bf16"]),
        ),
        "objective": st.sampled_from(["pretrain", "sft", "orpo", "kto", "reward"])
        | st.fixed_dictionaries(
            {"type": st.just("dpo")},
            optional={
                "beta": st.floats(0.01, 2),
                "loss": st.sampled_from(["sigmoid", "ipo", "hinge", "robust"]),
                "label_smoothing": st.floats(0, 0.4),
                "sft_weight": st.floats(0, 2),
            },
        ),
        "tracking": maybe(to=st.sampled_from(["none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"])),
        "training": maybe(
            epochs=st.floats(0.1, 10),
            steps=st.integers(1, 5000),
            sequence_length=st.integers(8, 40_000),
            overlong=st.sampled_from(["drop", "truncate", "error"]),
            packing=st.booleans(),
            batch_size=st.integers(1, 128),
            micro_batch_size=st.integers(1, 8),
            learning_rate=st.floats(1e-7, 0.1),
            scheduler=st.sampled_from(["cosine", "linear", "constant", "constant_with_warmup"]),
            warmup_ratio=st.floats(0, 0.99),
            optimizer=st.sampled_from(["adamw_torch", "adamw_torch_fused", "adamw_8bit", "adafactor"]),
            betas=st.tuples(st.floats(0, 0.99), st.floats(0, 0.999)).map(list),
            precision=st.sampled_from(["bf16", "fp32"]),
            gradient_checkpointing=st.booleans(),
            attention=st.sampled_from(
                ["auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flash_attention_4"]
            ),
            kernels=st.sampled_from(["none", "liger"]),
            early_stopping=st.integers(1, 5),
            evaluate_every=INTERVAL,
            save_every=INTERVAL,
            log_every=st.integers(1, 50),
        ),
        "hardware": maybe(
            gpu=st.sampled_from(["t4", "rtx-4090", "NVIDIA H100", "h200"]),
            gpus=st.integers(1, 8),
            strategy=st.sampled_from(["auto", "single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1"]),
        ),
        "output": maybe(dir=st.sampled_from(["out", "runs/a b", "/abs/ü"])),
    },
)


def typed(value):
    """The value with the type of everything in it."""
    if isinstance(value, dict):
        return {str(key): typed(item) for key, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, list) else (type(value).__name__, value)


def read_alike(text):
    """The config, after PyYAML, ruamel and OmegaConf read the same values and types."""
    read = yaml.safe_load(text)
    assert typed(RUAMEL.load(text)) == typed(read)
    assert typed(OmegaConf.to_container(OmegaConf.create(text))) == typed(read)
    return read


VERSIONS = [(name, version) for name in BACKENDS for version in load_backend(name).versions]


@pytest.mark.parametrize(("backend", "version"), VERSIONS)
@QUICK
@given(recipe=RECIPES)
def test_a_recipe_compiles_or_is_refused_with_a_place(tmp_path, backend, version, recipe):
    file = tmp_path / "r.yaml"
    file.write_text(yaml.safe_dump(recipe, allow_unicode=True), "utf-8")
    one, out = load_backend_version(backend, version), tmp_path / "out"
    lines = file.read_text("utf-8").count("\n")
    try:
        made = compile_recipe(load_recipe(str(file)), one, out)
    except RecipeError as error:
        assert error.findings
        assert any(f.severity == "error" for f in error.findings)
        for finding in error.findings:
            assert finding.file == str(file)
            assert 1 <= finding.span.line <= lines
            assert finding.message
            assert finding.why or finding.suggestion
        return
    again = compile_recipe(load_recipe(str(file)), one, out)
    assert again.files == made.files
    config = read_alike(made.files["train.yaml"])
    batch = made.plan.training
    assert batch.micro_batch_size * batch.gradient_accumulation * made.plan.hardware.world == batch.batch_size
    told = config.get("per_device_train_batch_size", config.get("micro_batch_size"))
    assert told * config["gradient_accumulation_steps"] * made.plan.hardware.world == batch.batch_size
    assert config["learning_rate"] == batch.learning_rate
    assert "\ue000" not in "".join(made.files.values())
    write_files(out, made.files, force=True)
    assert find_drifted(out, made.files) == []
    shutil.rmtree(out)


@QUICK
@given(st.lists(st.sampled_from(["version", "model", "data", "train", "method", "lora", "x", "training", ": ",
    "\n", "  ", "- ", "1",
                                 "[", "]", "{", "}", "null", "'", "&a ", "*a", "<<: *a", "é", "1e-4"]),
                                 max_size=40).map("".join))  # fmt: skip
def test_any_text_is_a_recipe_or_an_error(tmp_path, text):
    file = Path(tmp_path / "r.yaml")
    file.write_text(text, "utf-8")
    try:
        load_recipe(str(file))
    except RecipeError as error:
        assert error.findings
        for finding in error.findings:
            assert finding.span is None or finding.span.line >= 1
