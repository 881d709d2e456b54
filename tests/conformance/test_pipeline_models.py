"""A pipeline whose models are merged by mergekit, through TRL on the CPU: train twice, merge, train on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from qwen_recipes.environments.program_environments import get_program_environment
from tests.conformance.pipelines import read_stages, recipes

pytestmark = [pytest.mark.training, pytest.mark.full]
PIPELINE = """\
version: 1
name: tiny
model: {model}
data: {{train: sft.jsonl}}
method: full
training: {{steps: 1, batch_size: 2, micro_batch_size: 1, sequence_length: 128, learning_rate: 1e-2, precision: fp32}}
hardware: {{device: cpu}}
run: {{backend: trl}}
stages:
  - {{name: a}}
  - {{name: b, model: {model}, training: {{seed: 7}}}}
  - {{name: both, merge: {{models: [{{model: a, weight: 0.7}}, {{model: b, weight: 0.3}}], combine: task_arithmetic}}}}
  - {{name: last, method: {{type: lora, rank: 4}}}}
"""


def read_weights(model: Path) -> dict[str, Any]:
    """The weights of a model in one file."""
    return dict(load_file(model / "model.safetensors"))


def test_models_of_two_stages_are_merged_and_trained_on(
    interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], folder: Path
) -> None:
    if not get_program_environment("mergekit").ready:
        pytest.skip("no environment for mergekit: `recipes env create mergekit`")
    interpreter("trl")
    model = tiny_model("trl")
    (folder / "p.yaml").write_text(PIPELINE.format(model=model), "utf-8")
    recipes(folder, "lint", "p.yaml")
    recipes(folder, "run", "p.yaml", "-q")
    stages = read_stages(folder)
    assert [one["status"] for one in stages.values()] == ["finished"] * 4
    base, a, b, both = (
        read_weights(place) for place in (model, *(folder / "runs/tiny" / n for n in ("a", "b", "both")))
    )
    assert both.keys() == a.keys() == b.keys()
    for name, weight in both.items():
        expected = base[name] + 0.7 * (a[name] - base[name]) + 0.3 * (b[name] - base[name])
        assert abs(weight - expected).max() < 1e-5, name
    assert max(abs(a[name] - b[name]).max() for name in a) > 1e-4
    plan = json.loads((folder / "runs/tiny/last/run.json").read_text("utf-8"))["plan"]
    assert {row["field"]: row["value"] for row in plan}["model.id"] == "runs/tiny/both"
    again = recipes(folder, "run", "p.yaml", "-q")
    assert again.stderr.count("done and unchanged") == 4
    text = (folder / "p.yaml").read_text("utf-8").replace("weight: 0.3", "weight: 0.2")
    (folder / "p.yaml").write_text(text, "utf-8")
    changed = recipes(folder, "run", "p.yaml", "--dry-run")
    assert "runs/tiny/a, runs/tiny/b into runs/tiny/both" in changed.stdout
