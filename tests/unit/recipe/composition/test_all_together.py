"""Presets, files, stages, sweeps and `--set` in one recipe: what they combine to, and every error at once."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.run_command import run

FILES = {
    "recipe.yaml": """\
extends: team/training.yaml
name: support
training: {learning_rate: 3e-5, warmup_steps: 10}
sweep:
  parameters:
    training.learning_rate: [5e-5, 1e-4, 2e-4]
    method.alpha: [16, 32]
    method.dropout: [0.0, 0.05]
""",
    "team/training.yaml": """\
extends: [official, ../base.yaml]
data: {train: rows.jsonl}
method: {rank: 12}
training: {epochs: 2, seed: 3, warmup_ratio: null}
""",
    "base.yaml": """\
version: 1
model: Qwen/Qwen3-4B
training: {epochs: 5, seed: 4, weight_decay: 0.02}
""",
}
SAME_IN_EVERY_TRIAL = {
    "model.id": ("Qwen/Qwen3-4B", "set in base.yaml:2"),
    "data.train": ("team/rows.jsonl", "set in training.yaml:2"),
    "method.type": ("lora", "set by preset official"),
    "method.rank": (12, "set in training.yaml:3"),
    "training.epochs": (2.0, "set in training.yaml:4"),
    "training.batch_size": (16, "set by preset official"),
    "training.weight_decay": (0.02, "set in base.yaml:3"),
    "training.warmup.steps": (10, "set in the recipe"),
    "training.seed": (9, "set by --set"),
}
TRIALS = list(product((5e-5, 1e-4, 2e-4), (16, 32), (0.0, 0.05)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe over a file over a preset and a file, with a sweep of twelve."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "team").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "team/rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    return tmp_path


def test_a_preset_a_chain_of_three_set_and_a_sweep_of_twelve_are_what_show_prints(folder: Path) -> None:
    done = run(
        "show", "recipe.yaml", "--resolved", "--backend", "axolotl", "--format", "json", "--set", "training.seed=9"
    )
    shown = {
        name: {row["field"]: (row["value"], row["reason"]) for row in rows}
        for name, rows in json.loads(done.stdout).items()
    }
    swept = {
        (rows["training.learning_rate"][0], rows["method.alpha"][0], rows["method.dropout"][0])
        for rows in shown.values()
    }
    assert len(shown) == 12 and swept == set(TRIALS)
    lines = {"training.learning_rate": 6, "method.alpha": 7, "method.dropout": 8}
    for name, rows in shown.items():
        found = {field: rows[field] for field in SAME_IN_EVERY_TRIAL if field != "data.train"}
        assert found == {field: value for field, value in SAME_IN_EVERY_TRIAL.items() if field != "data.train"}
        assert "team/rows.jsonl" in str(rows["data.train"][0]) and rows["data.train"][1] == "set in training.yaml:2"
        assert {field: rows[field][1] for field in lines} == {f: f"set by sweep (line {n})" for f, n in lines.items()}
        assert rows["output.dir"][0] == f"runs/support/{name}"


def test_what_show_prints_is_what_is_compiled(folder: Path) -> None:
    run("compile", "recipe.yaml", "--backend", "llamafactory", "--set", "training.seed=9", "-o", "out")
    made = [yaml.safe_load(file.read_text("utf-8")) for file in folder.glob("out/*/llamafactory/train.yaml")]
    assert len(made) == 12
    assert {(one["learning_rate"], one["lora_alpha"], one["lora_dropout"]) for one in made} == set(TRIALS)
    keys = ("model_name_or_path", "lora_rank", "num_train_epochs", "weight_decay", "warmup_steps", "seed")
    assert {tuple(one[key] for key in keys) for one in made} == {("Qwen/Qwen3-4B", 12, 2.0, 0.02, 10, 9)}


def test_set_ends_the_sweep_of_its_field(folder: Path) -> None:
    done = run(
        "show", "recipe.yaml", "--resolved", "--backend", "axolotl", "--format", "json", "--set", "method.alpha=24"
    )
    shown = json.loads(done.stdout)
    alphas = {
        (row["value"], row["reason"]) for rows in shown.values() for row in rows if row["field"] == "method.alpha"
    }
    assert len(shown) == 6 and alphas == {(24, "set by --set")}


PIPELINE = """\
version: 1
extends: [oficial, distillabs, gone.yaml]
training: {epochs: many}
model: Qwen/Qwen3-4B
data: {train: "${env:NOT_SET_ANYWHERE}/rows.jsonl"}
stages:
  - {method: lora}
  - {name: a, from_stage: b, output: {dir: x}}
  - {name: b, from_stage: a, output: {dir: x}}
  - {name: c, from_stage: nowhere}
  - {name: d, sweep: {parameters: {training.learning_rte: [1e-5, 2e-5]}}}
  - name: e
    sweep:
      parameters: {training.seed: {min: 1, max: 100, step: 1}, method.rank: {min: 1, max: 100, step: 1}}
"""
PIPELINE_ERRORS = [
    (2, "unknown preset `oficial`"),
    (2, "gone.yaml does not exist"),
    (3, "invalid value for `training.epochs`: 'many'"),
    (5, "the environment variable `NOT_SET_ANYWHERE` is not set"),
    (7, "`stages[0].name` is missing"),
    (8, "stages start from each other: a → b → a"),
    (9, "stages start from each other: b → a → b"),
    (9, "stages `a` and `b` write to one folder: x"),
    (10, "there is no stage `nowhere`"),
    (11, "`training.learning_rte` is not a field"),
    (14, "the sweep has 10,000 combinations (100 × 100); the maximum is 1,000"),
]
SWEEP = """\
extends: gone.yaml
training: {epochs: many}
sweep:
  parameters:
    training.learning_rte: [1e-5, 2e-5]
    training.seed: {min: 1, max: 100, step: 1}
    training.learning_rate: {min: 1e-5, max: 1e-3, count: 100}
    method.rank: [8, big]
"""
SWEEP_ERRORS = [
    (1, "gone.yaml does not exist"),
    (2, "invalid value for `training.epochs`: 'many'"),
    (5, "`training.learning_rte` is not a field"),
    (5, "the sweep has 40,000 combinations (2 × 100 × 100 × 2); the maximum is 1,000"),
    (8, "invalid value for `method.rank`: 'big'"),
]


@pytest.mark.parametrize("command", ["lint", "plan", "compile", "lock", "run", "show"])
@pytest.mark.parametrize(
    ("text", "errors"), [(PIPELINE, PIPELINE_ERRORS), (SWEEP, SWEEP_ERRORS)], ids=["stages", "sweep"]
)
def test_all_that_is_wrong_is_said_at_once_by_every_command(
    text: str, errors: list[tuple[int, str]], command: str, folder: Path
) -> None:
    (folder / "bad.yaml").write_text(text, "utf-8")
    before = sorted(folder.rglob("*"))
    done = run(command, "bad.yaml")
    said = [line for line in (done.stdout + done.stderr).splitlines() if "error[recipe]" in line]
    assert done.exit_code == 1 and len(said) == len(errors), said
    for line, message in errors:
        assert any(one.startswith(f"bad.yaml:{line}:") and message in one for one in said), (line, message, said)
    assert sorted(folder.rglob("*")) == before
