"""Steps counted from rows: as transformers counts them, said in the config that the framework reads."""

from __future__ import annotations

import math

import pytest
import yaml

from qwen_recipes.data.rows.files_beside_rows import copy_files
from qwen_recipes.data.rows.steps import count_steps, describe_steps, explain_too_few_packs, write_steps

SPEC = {
    "epochs": 3, "micro_batch_size": 2, "replicas": 1, "gradient_accumulation": 2,
    "warmup_ratio": 0.05, "warmup_steps": None, "decay_ratio": None,
    "keys": {
        "steps": "max_steps", "warmup_steps": "warmup_steps", "warmup_ratio": "warmup_ratio",
        "scheduler_options": "lr_scheduler_kwargs", "decay_steps": "num_decay_steps",
        "stable_steps": "num_stable_steps",
    },
}  # fmt: skip


def test_ten_examples_three_epochs_four_a_step():
    assert count_steps(SPEC, 10) == {"examples": 10, "per_epoch": 3, "total": 9, "warmup": 2}


@pytest.mark.parametrize("examples", [1, 2, 7, 8, 9, 100, 101])
@pytest.mark.parametrize("epochs", [0.1, 0.5, 1, 1.5, 2.7, 3])
@pytest.mark.parametrize(("micro", "replicas", "accumulation"), [(1, 1, 1), (2, 1, 2), (1, 4, 3), (8, 2, 1)])
def test_the_total_is_transformers_own(examples, epochs, micro, replicas, accumulation):
    """`Trainer.set_initial_training_values` over accelerate's loader, which each process has an equal share of."""
    sizes = {"micro_batch_size": micro, "replicas": replicas, "gradient_accumulation": accumulation}
    loader = math.ceil(math.ceil(examples / micro) / replicas)
    updates = max(loader // accumulation + int(loader % accumulation > 0), 1)
    counted = count_steps({**SPEC, **sizes, "epochs": epochs}, examples)
    assert counted["total"] == math.ceil(epochs * updates) and counted["warmup"] <= counted["total"]


@pytest.mark.parametrize(
    ("warmup", "examples", "steps"),
    [({"warmup_ratio": 0.1}, 400, 30), ({"warmup_ratio": 0.01}, 10, 2), ({"warmup_ratio": 0.5}, 1, 2),
     ({"warmup_ratio": None, "warmup_steps": 7}, 10, 7), ({"warmup_ratio": None, "warmup_steps": 0}, 10, 0),
     ({"epochs": 1, "warmup_ratio": 0.5}, 1, 0)],
)  # fmt: skip
def test_warmup(warmup, examples, steps):
    assert count_steps({**SPEC, **warmup}, examples)["warmup"] == steps


def test_the_copy_of_the_config_says_them(tmp_path):
    (tmp_path / "train.yaml").write_text("num_epochs: 3\nwarmup_ratio: 0.05\nseed: 42\n", "utf-8")
    write_steps(SPEC, count_steps(SPEC, 10), tmp_path)
    told = yaml.safe_load((tmp_path / "train.yaml").read_text("utf-8"))
    assert told == {"num_epochs": 3, "seed": 42, "max_steps": 9, "warmup_steps": 2}


def test_a_key_of_a_section_is_said_there(tmp_path):
    keys = {name: f"training.{key}" for name, key in SPEC["keys"].items()}
    text = "training:\n  num_epochs: 3\n  warmup_steps: 0\n\nlora: {}\nwarmup_steps: 8\n"
    (tmp_path / "train.yaml").write_text(text, "utf-8")
    write_steps({**SPEC, "keys": keys}, count_steps(SPEC, 10), tmp_path)
    told = yaml.safe_load((tmp_path / "train.yaml").read_text("utf-8"))
    assert told["training"] == {"num_epochs": 3, "max_steps": 9, "warmup_steps": 2}
    assert told["warmup_steps"] == 8, "not another section's, nor the top's"


def test_the_last_decay_and_what_lies_between(tmp_path):
    spec = {**SPEC, "decay_ratio": 0.2}
    text = "lr_scheduler_kwargs:\n  decay_type: linear\nwarmup_steps: 0.05\n"
    (tmp_path / "train.yaml").write_text(text, "utf-8")
    counted = count_steps(spec, 10)
    write_steps(spec, counted, tmp_path)
    told = yaml.safe_load((tmp_path / "train.yaml").read_text("utf-8"))
    assert told["lr_scheduler_kwargs"] == {"decay_type": "linear", "num_stable_steps": 5, "num_decay_steps": 2}
    assert describe_steps(counted) == "9 steps, 3 an epoch, the first 2 of them warmup, the last 2 decay"


def test_named_files_are_copied_whole(tmp_path):
    source = tmp_path / "compiled"
    (source / "rows").mkdir(parents=True)
    for name in ("train.yaml", "rows/plugin.py", "run.sh"):
        (source / name).write_text(name, "utf-8")
    copy_files({"out": str(tmp_path / "run/rows"), "copied": ["train.yaml", "rows/plugin.py"]}, source)
    assert sorted(path.name for path in (tmp_path / "run/rows").iterdir()) == ["plugin.py", "train.yaml"]
    copy_files({"out": str(tmp_path / "other")}, source)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("lengths", "needed", "refused"),
    [
        ([50] * 10, 2, False),
        ([50] * 2, 2, True),
        ([60] * 2, 2, False),
        ([50], 1, False),
        ([9], 0, False),
        ([], 0, False),
    ],
)
def test_packs_that_make_no_batch_are_an_error(lengths, needed, refused):
    assert bool(explain_too_few_packs(lengths, 100, needed)) is refused
