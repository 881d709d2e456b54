"""What is compiled for Unsloth, through `unsloth train --dry-run`: its own parser, without torch."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.compile.field_probes import add_required_values
from qwen_recipes.data.rows.steps import count_steps, write_steps
from qwen_recipes.recipe.load import load_recipe
from tests.conformance.results import write_result
from tests.conftest import ROOT

EXAMPLE = ROOT / "examples" / "unsloth.yaml"
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "adapter": (
        {
            "model": "Qwen/Qwen3-8B",
            "method": {"rank": 8, "alpha": 48, "dropout": 0.1, "rslora": True, "targets": ["q_proj", "v_proj"]},
            "training": {
                **{"epochs": 3.5, "batch_size": 15, "micro_batch_size": 3, "sequence_length": 777, "seed": 9},
                **{"learning_rate": 3e-5, "weight_decay": 0.07, "save_every": 25, "gradient_checkpointing": False},
            },
            "output": {"dir": "elsewhere"},
            "tracking": {"to": "wandb", "project": "mine"},
            "allow": {"QR201": "to see"},
        },
        {
            **{"model": "Qwen/Qwen3-8B", "training.training_type": "lora", "training.load_in_4bit": False},
            **{"lora.lora_r": 8, "lora.lora_alpha": 48, "lora.lora_dropout": 0.1, "lora.use_rslora": True},
            **{"lora.use_dora": False, "lora.target_modules": "q_proj,v_proj", "lora.use_loftq": False},
            **{"training.num_epochs": 4, "training.max_steps": 0, "training.batch_size": 3, "training.save_steps": 25},
            **{"training.gradient_accumulation_steps": 5, "training.max_seq_length": 777, "training.random_seed": 9},
            **{"training.learning_rate": 3e-5, "training.weight_decay": 0.07, "training.packing": False},
            **{"training.gradient_checkpointing": "none", "training.train_on_completions": False},
            **{"training.output_dir": "elsewhere", "data.local_dataset": ["elsewhere/rows/train.jsonl"]},
            **{"data.format_type": "auto", "logging.enable_wandb": True, "logging.wandb_project": "mine"},
            "logging.enable_tensorboard": False,
        },
    ),
    "4 bits": (
        {
            "method": {"type": "qlora", "variant": "dora"},
            "training": {"steps": 70, "warmup_steps": 7, "save_every": "never", "gradient_checkpointing": "offload"},
            "tracking": "tensorboard",
        },
        {
            **{"model": "unsloth/Qwen3-4B-bnb-4bit", "training.load_in_4bit": True, "lora.use_dora": True},
            **{"training.max_steps": 70, "training.warmup_steps": 7, "training.save_steps": 0},
            **{"training.gradient_checkpointing": "unsloth", "logging.enable_tensorboard": True},
            "logging.enable_wandb": False,
        },
    ),
    "pretraining": (
        {"objective": "pretrain"},
        {"data.format_type": "auto", "training.train_on_completions": False, "training.packing": False},
    ),
    "full": (
        {"method": "full", "training": {"weights_dtype": "bfloat16"}, "allow": {"QR423": "to see"}},
        {
            **{"training.training_type": "full", "training.load_in_4bit": False},
            "training.gradient_checkpointing": "true",
        },
    ),
}

ALWAYS_THE_DEFAULT = {"data.format_type", "training.packing", "training.train_on_completions", "lora.use_loftq"}
"""Keys that have one value in every recipe, which is Unsloth's default too."""


@pytest.fixture
def dry_run(interpreter: Callable[[str], Path]) -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """Let Unsloth read a config: it prints what it resolves it to."""
    program = interpreter("unsloth").with_name("unsloth")

    def read(config: Path) -> subprocess.CompletedProcess[str]:
        command = [str(program), "train", "--dry-run", "--config", str(config)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return read


def compile_to(folder: Path, recipe: Path) -> Path:
    made = compile_recipe(load_recipe(str(recipe)), load_backend("unsloth"), folder)
    write_files(folder, made.files)
    return folder / "train.yaml"


def look_up(config: dict[str, Any], key: str) -> Any:
    section, _, name = key.rpartition(".")
    return config[section][name] if section else config[name]


@pytest.mark.parametrize("case", CASES)
def test_each_field_is_resolved_as_planned(case, write_recipe, dry_run, tmp_path):
    changes, expected = CASES[case]
    recipe = write_recipe(add_required_values(load_backend("unsloth"), changes))
    done = dry_run(compile_to(tmp_path / "out", recipe))
    assert done.returncode == 0, done.stderr
    resolved = yaml.safe_load(done.stdout)
    assert {key: look_up(resolved, key) for key in expected} == expected
    write_result(changes.get("objective", "sft"), "unsloth", "parsed", "")


def test_the_example_with_its_steps_counted(dry_run, tmp_path):
    """The config that training reads: the steps of its epochs and of their warmup stand in their section."""
    config = compile_to(tmp_path / "out", EXAMPLE)
    keys = dict(load_backend("unsloth").native_values["counted"])
    spec = {"epochs": 2, "micro_batch_size": 1, "replicas": 1, "gradient_accumulation": 16, "keys": keys}
    spec |= {"warmup_ratio": 0.03, "warmup_steps": None, "decay_ratio": None}
    write_steps(spec, count_steps(spec, 1600), config.parent)
    training = yaml.safe_load(dry_run(config).stdout)["training"]
    assert (training["max_steps"], training["warmup_steps"]) == (200, 6)
    assert config.read_text("utf-8").count("warmup_steps:") == 1


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("training", "warmup_ratio", 0.1, "unknown key 'warmup_ratio' in section 'training'"),
        ("training", "num_epochs", 1.5, "training.num_epochs"),
        ("lora", "lora-r", 8, "did you mean 'lora_r'"),
        ("data", "format_type", "messages", "data.format_type"),
    ],
)
def test_it_refuses_what_it_does_not_read(section, key, value, said, dry_run, tmp_path):
    """The parser that the tests above rely on does refuse."""
    config = compile_to(tmp_path / "out", EXAMPLE)
    changed = yaml.safe_load(config.read_text("utf-8"))
    changed[section][key] = value
    config.write_text(yaml.safe_dump(changed), "utf-8")
    done = dry_run(config)
    assert done.returncode == 2 and said in done.stderr


def test_every_key_that_is_compiled_is_tried():
    config = yaml.safe_load((ROOT / "tests/golden/unsloth/unsloth/train.yaml").read_text("utf-8"))
    keys = {"model", *(f"{section}.{key}" for section in config if section != "model" for key in config[section])}
    tried = {key for _, expected in CASES.values() for key in expected}
    assert keys <= tried


def test_a_key_that_is_left_out_would_be_noticed(dry_run, tmp_path):
    """Each key is expected somewhere with another value than Unsloth's default, which a config without it gets."""
    config = tmp_path / "train.yaml"
    config.write_text("model: any\ndata: {local_dataset: [any.jsonl]}\n", "utf-8")
    defaults = yaml.safe_load(dry_run(config).stdout)
    expected = {(key, str(value)) for _, of in CASES.values() for key, value in of.items()}
    noticed = {key for key, value in expected if str(look_up(defaults, key)) != value}
    assert {key for key, _ in expected} - noticed == ALWAYS_THE_DEFAULT
