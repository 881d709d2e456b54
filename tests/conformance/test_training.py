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

from qwen_recipes.backends import load_backend
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.package_data import find_package_data
from qwen_recipes.qwen.chat_templates import read_template
from qwen_recipes.qwen.models import count_lora_parameters, get_model_facts
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.row_sample import sample_rows

from .conftest import run_command

pytestmark = pytest.mark.training

BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
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


FILES = ("support.jsonl", "support-validation.jsonl", "reasoning.jsonl", "tools.jsonl")
EXACT = """\
version: 1
name: exact
model: {model}
data: {{train: rows.jsonl}}
chat: {{encoding: exact, template: own.jinja}}
method: {{type: lora, rank: 8}}
training: {{steps: 4, batch_size: 8, micro_batch_size: 8, sequence_length: 1024, learning_rate: 1e-2, log_every: 1}}
hardware: {{device: cpu}}
run: {{backend: {backend}, environment: {environment}}}
"""
LOSS = """\
import json, sys, torch
from transformers import AutoModelForCausalLM
model, total, count = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32), 0.0, 0
for ids, labels in json.load(open(sys.argv[2])):
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
    total += torch.nn.functional.cross_entropy(logits, torch.tensor(labels[1:]), reduction="sum").item()
    count += sum(label != -100 for label in labels[1:])
print(json.dumps({"loss": total / count}))
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
    done = _run("tiny.yaml", tmp_path)
    assert f"over {STEPS} steps" in done.stderr
    _check_record(json.loads((tmp_path / "runs/tiny/run.json").read_text("utf-8")), name)
    adapter = Path(done.stderr.strip().rpartition(": ")[2]).parent
    _check_adapter(json.loads(run_command([python, "-c", LOAD, model, adapter]).splitlines()[-1]), model)


@pytest.mark.full
@pytest.mark.parametrize("name", BACKENDS)
def test_exact_rows_are_what_is_trained(
    name: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    """Every step sees all rows: the first loss is that of the model on our ids and labels, whatever their order.

    The template is the recipe's own: it is what serves the result, too.
    """
    python, model = interpreter(name), tiny_model(name)
    data = ROOT / "examples" / "data"
    rows = [line for file in FILES for line in (data / file).read_text("utf-8").splitlines()[:2]]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    own = read_template("hybrid") + "{# a template of our own #}"
    (tmp_path / "own.jinja").write_text(own, "utf-8")
    text = EXACT.format(backend=name, model=model, environment=python.parent.parent)
    (tmp_path / "exact.yaml").write_text(text, "utf-8")
    _run("exact.yaml", tmp_path)
    record = json.loads((tmp_path / "runs/exact/run.json").read_text("utf-8"))
    expected = json.loads(
        run_command([python, "-c", LOSS, model, _encoded(tmp_path / "exact.yaml", name)]).splitlines()[-1]
    )
    assert record["first_loss"] == pytest.approx(expected["loss"], abs=1e-4)
    assert record["last_loss"] < record["first_loss"] - 0.5
    if name == "llamafactory":  # which would save the model's
        assert (tmp_path / "runs/exact/chat_template.jinja").read_text("utf-8") == own


def _encoded(recipe: Path, backend: str) -> Path:
    """A file of our ids and labels of the recipe's rows."""
    loaded = load_recipe(str(recipe))
    plan = resolve(loaded, load_backend(backend))
    found = sample_rows(plan, loaded.folder, build_encoder(plan, loaded.folder), None)
    assert (len(found.rows), found.bad, found.overlong) == (8, 0, 0)
    out = recipe.with_name("encoded.json")
    out.write_text(json.dumps([row.encoded for row in found.rows]), "utf-8")
    return out


def _run(recipe: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`recipes run` in this folder; it has to succeed."""
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "run", recipe]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def _check_record(record: dict[str, object], name: str) -> None:
    schema = json.loads((find_package_data("schemas") / "run.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(record)
    assert (record["status"], record["exit_code"], record["steps"]) == ("finished", 0, STEPS)
    assert isinstance(record["first_loss"], float) and isinstance(record["last_loss"], float)
    environment = record["environment"]
    assert isinstance(environment, dict)
    assert {"torch", "transformers", "peft", "datasets", name} <= environment["packages"].keys()


def _check_adapter(loaded: dict[str, object], model: Path) -> None:
    assert loaded["parameters"] == count_lora_parameters(get_model_facts(str(model), model.parent), RANK, TARGETS)
    assert loaded["modules"] == sorted(TARGETS)
    assert loaded["unmoved"] == []
