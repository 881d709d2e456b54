"""The example of a third party's backend trains: PEFT and transformers from LLaMA-Factory's environment."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.conftest import ROOT
from tests.unit.backends.third_party import install_package, run_recipes

pytestmark = pytest.mark.training
RECIPE = """version: 1
name: tiny
model: {model}
data: {{train: {{path: support.jsonl, limit: 16}}}}
method: {{type: lora, rank: 4}}
training: {{steps: 3, sequence_length: 128, batch_size: 4, learning_rate: 1e-2, log_every: 1}}
hardware: {{device: cpu}}
run: {{backend: peft, environment: {environment}}}
"""


def test_it_trains_an_adapter_and_the_run_is_recorded(interpreter, tiny_model, tmp_path):
    pytest.importorskip("hatchling", reason="the package is built by hatchling, of the extra `dev`")
    environment = interpreter("llamafactory").parents[1]
    install_package(tmp_path / "packages")
    shutil.copy(ROOT / "examples/data/support.jsonl", tmp_path)
    text = RECIPE.format(model=tiny_model("llamafactory"), environment=environment)
    (tmp_path / "recipe.yaml").write_text(text, "utf-8")
    done = run_recipes(tmp_path / "packages", tmp_path, "run", "recipe.yaml")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "runs/tiny/run.json").read_text("utf-8"))
    assert (record["status"], record["steps"]) == ("finished", 3)
    assert record["backend"]["name"] == "peft"
    assert (tmp_path / "runs/tiny/adapter_model.safetensors").is_file()
