"""Every framework trains a tiny Qwen3 from one recipe, through the command line, and leaves what was asked for.

Needs the frameworks' CPU environments; takes about a minute each. `pytest -m training`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from qwen_recipes.qwen.models import lora_parameters, model_facts
from qwen_recipes.shipped import shipped

from .conftest import said

pytestmark = pytest.mark.training

BACKENDS = ("axolotl", "llamafactory", "ms-swift")
ROOT = Path(__file__).parents[2]
STEPS, RANK, TARGETS = 5, 8, ("q_proj", "v_proj", "down_proj")
RECIPE = """\
version: 1
name: tiny
model: {model}
data:
  train:
    - path: {data}
method: {{type: lora, rank: {rank}, targets: [{targets}]}}
training: {{steps: {steps}, batch_size: 4, sequence_length: 512, learning_rate: 1e-3}}
hardware: {{device: cpu}}
allow: {{QR201: "whether these modules alone are trained is what is tested"}}
run: {{backend: {backend}, environment: {environment}}}
"""
LOAD = """\
import json, sys
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype="float32")
model = PeftModel.from_pretrained(base, sys.argv[2], is_trainable=True)
trainable = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
print(json.dumps({
    "parameters": sum(weight.numel() for weight in trainable.values()),
    "modules": sorted({name.split(".lora_")[0].split(".")[-1] for name in trainable}),
    "unmoved": [name for name, weight in trainable.items() if "lora_B" in name and not weight.abs().sum() > 0],
}))
"""


@pytest.mark.parametrize("name", BACKENDS)
def test_recipe_trains(
    name: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    python, model = interpreter(name), tiny_model(name)
    environment = python.parent.parent
    values = {"model": model, "data": ROOT / "examples" / "data" / "support.jsonl", "environment": environment}
    recipe = RECIPE.format(backend=name, rank=RANK, targets=", ".join(TARGETS), steps=STEPS, **values)
    (tmp_path / "tiny.yaml").write_text(recipe, "utf-8")
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "run", "tiny.yaml"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"over {STEPS} steps" in done.stderr
    _check_record(json.loads((tmp_path / "runs/tiny/run.json").read_text("utf-8")), name)
    adapter = Path(done.stderr.strip().rpartition(": ")[2]).parent
    _check_adapter(json.loads(said([python, "-c", LOAD, model, adapter]).splitlines()[-1]), model)


def _check_record(record: dict[str, object], name: str) -> None:
    schema = json.loads((shipped("schemas") / "run.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(record)
    assert (record["status"], record["exit_code"], record["steps"]) == ("finished", 0, STEPS)
    assert isinstance(record["first_loss"], float) and isinstance(record["last_loss"], float)
    environment = record["environment"]
    assert isinstance(environment, dict)
    assert {"torch", "transformers", "peft", "datasets", name} <= environment["packages"].keys()


def _check_adapter(loaded: dict[str, object], model: Path) -> None:
    assert loaded["parameters"] == lora_parameters(model_facts(str(model), model.parent), RANK, TARGETS)
    assert loaded["modules"] == sorted(TARGETS)
    assert loaded["unmoved"] == []
