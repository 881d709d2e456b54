"""Pipelines through the real frameworks on the CPU: each stage starts from the weights that the one before wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.ci_sample import list_parameters
from tests.conformance.pipelines import BACKENDS, compare_logits, read_stages, recipes

pytestmark = pytest.mark.training

ROOT = Path(__file__).parents[2]
HEAD = """\
version: 1
name: tiny
model: {model}
data: {{train: sft.jsonl}}
method: {{type: lora, rank: 4}}
training: {{steps: 2, batch_size: 2, micro_batch_size: 1, sequence_length: 256, learning_rate: 1e-3, save_every: 1}}
hardware: {{device: cpu}}
stages:
"""
THREE = """\
  - {{name: sft, run: {{backend: {first}}}}}
  - {{name: merge, merge: base, run: {{backend: {second}}}}}
  - {{name: dpo, objective: dpo, data: {{train: pairs.jsonl}}, run: {{backend: {second}}}}}
"""
EXTEND = """\
  - {{name: first, run: {{backend: {first}}}}}
  - {{name: merged, merge: base, run: {{backend: {first}}}}}
  - {{name: second, training: {{seed: 7}}, run: {{backend: {first}}}}}
  - {{name: merged-again, merge: base, run: {{backend: {first}}}}}
"""


def write(folder: Path, model: Path, stages: str, first: str, second: str = "") -> None:
    """The pipeline's file."""
    text = HEAD.format(model=model) + stages.format(first=first, second=second or first)
    (folder / "p.yaml").write_text(text, "utf-8")


def check_three_stages(folder: Path, model: Path, python: Path) -> None:
    """The merged model is base and adapter; DPO's trainer holds its weights; nothing is done twice."""
    stages = read_stages(folder)
    assert [stage["status"] for stage in stages.values()] == ["finished"] * 3
    adapter = next((folder / "runs/tiny/sft").rglob("adapter_model.safetensors")).parent
    found = compare_logits(python, model, adapter, folder / "runs/tiny/merge")
    assert found["differs"] < 1e-4 < found["moved"]
    plan = json.loads((folder / "runs/tiny/dpo/run.json").read_text("utf-8"))["plan"]
    assert {row["field"]: row["value"] for row in plan}["model.id"] == "runs/tiny/merge"
    again = recipes(folder, "run", "p.yaml", "-q")
    assert again.stderr.count("done and unchanged") == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [("llamafactory", "trl"), *list_parameters((name, name) for name in BACKENDS)],
)
def test_sft_merge_dpo(
    first: str,
    second: str,
    interpreter: Callable[[str], Path],
    tiny_model: Callable[[str], Path],
    folder: Path,
) -> None:
    model, python = tiny_model(first), interpreter(second)
    interpreter(first)
    write(folder, model, THREE, first, second)
    recipes(folder, "lint", "p.yaml")
    recipes(folder, "run", "p.yaml", "-q")
    check_three_stages(folder, model, python)
    if first == second == "trl":
        check_printed_losses(folder)


def check_printed_losses(folder: Path) -> None:
    """The losses of adapter and merged model are of the run's own examples, and one and the same in 16 bits."""
    arguments = ("runs/tiny/sft", "-o", "merged", "--compare-loss", "3", "--format", "json")
    loss = json.loads(recipes(folder, "merge", *arguments).stdout)["loss"]
    assert loss["examples"] == 3 and loss["tokens"] > 30 and 1 < loss["trained"] < 20
    assert loss["merged"] == pytest.approx(loss["trained"], abs=1e-3)


@pytest.mark.full
@pytest.mark.parametrize("name", BACKENDS)
def test_the_trainer_of_dpo_holds_what_was_merged(
    name: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], folder: Path
) -> None:
    interpreter(name)
    write(folder, tiny_model(name), THREE, name)
    recipes(folder, "run", "p.yaml", "-q")
    done = recipes(folder, "verify", "p.yaml", "--stage", "dpo", "--trainer", "--format", "json")
    assert '"model.id"' in done.stdout


@pytest.mark.full
def test_a_pipeline_killed_in_its_second_training_goes_on_there(
    interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], folder: Path
) -> None:
    name = "llamafactory"
    interpreter(name)
    write(folder, tiny_model(name), THREE.replace("objective: dpo,", "objective: dpo, training: {{steps: 300}},"), name)
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "run", "p.yaml", "-q"]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)})
    wait_for_checkpoint(process, folder / "runs/tiny/dpo")
    process.kill()
    process.wait()
    before = read_stages(folder)
    assert [stage["status"] for stage in before.values()] == ["finished", "finished", "running"]
    wait_for_end(folder / "runs/tiny/dpo")
    done = recipes(folder, "run", "p.yaml", "-q", "--resume")
    after = read_stages(folder)
    assert done.stderr.count("done and unchanged") == 2 and "resuming from checkpoint-" in done.stderr
    assert after["sft"] == before["sft"] and after["dpo"]["status"] == "finished"


def wait_for_checkpoint(process: subprocess.Popen[bytes], output: Path) -> None:
    """Wait until the stage has saved a checkpoint."""
    import time

    for _ in range(600):
        assert process.poll() is None, "the pipeline ended before it could be killed"
        if any(output.glob("checkpoint-*/trainer_state.json")):
            return
        time.sleep(0.5)
    raise AssertionError("no checkpoint")


def wait_for_end(output: Path) -> None:
    """Wait until the supervisor has ended the framework."""
    import time

    from qwen_recipes.runs.record import read_record

    for _ in range(120):
        record = read_record(output)
        if record is not None and record.state != "running":
            return
        time.sleep(0.5)


@pytest.mark.full
def test_merge_and_extend_twice(
    interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], folder: Path
) -> None:
    name = "llamafactory"
    python, model = interpreter(name), tiny_model(name)
    write(folder, model, EXTEND, name)
    recipes(folder, "run", "p.yaml", "-q")
    runs = folder / "runs/tiny"
    for base, trained, merged in ((model, "first", "merged"), (runs / "merged", "second", "merged-again")):
        adapter = next((runs / trained).rglob("adapter_model.safetensors")).parent
        found = compare_logits(python, base, adapter, runs / merged)
        assert found["differs"] < 1e-4 < found["moved"]


@pytest.mark.full
def test_a_changed_stage_and_those_after_it_are_done_again(
    interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], folder: Path
) -> None:
    name = "llamafactory"
    interpreter(name)
    write(folder, tiny_model(name), THREE, name)
    recipes(folder, "run", "p.yaml", "-q")
    before = (folder / "runs/tiny/merge/model.safetensors").read_bytes()
    done = recipes(folder, "run", "p.yaml", "-q", "--set", "stages[0].training.seed=5")
    assert "done and unchanged" not in done.stderr
    assert (folder / "runs/tiny/merge/model.safetensors").read_bytes() != before
    assert any((folder / "runs/tiny/earlier").rglob("model.safetensors"))
    shutil.rmtree(folder / "runs")
