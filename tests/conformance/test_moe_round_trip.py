"""A tiny mixture of experts: SFT, the adapter merged, DPO on what came of it, in one framework on the CPU.

Merged by `recipes merge`, and by hand as people do it, saved as the framework's own transformers saves: expert by
expert, or all experts of a layer in one weight. Each folder is named as the `model` of a recipe.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from tests.conformance.conftest import run_command
from tests.conformance.pipelines import BACKENDS, compare_logits, recipes
from tests.conftest import ROOT

pytestmark = [pytest.mark.training, pytest.mark.full]

RECIPE = """\
version: 1
name: {name}
model: {model}
data: {{train: {rows}.jsonl}}
objective: {objective}
method: {{type: lora, rank: 4}}
training: {{steps: 2, batch_size: 2, micro_batch_size: 1, sequence_length: 256, learning_rate: 1e-2}}
hardware: {{device: cpu}}
run: {{backend: {backend}}}
"""
MERGE_BY_HAND = """\
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter, by_hand, fused = sys.argv[1:]
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).merge_and_unload()
model.save_pretrained(by_hand)
model.save_pretrained(fused, save_original_format=False, max_shard_size="20MB")
for folder in (by_hand, fused):
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
"""
LIST_EXPERTS = """\
import sys
from pathlib import Path
from safetensors import safe_open
for file in Path(sys.argv[1]).glob("*.safetensors"):
    with safe_open(file, "pt") as tensors:
        print(*(name for name in tensors.keys() if ".experts." in name), sep="\\n")
"""


def write_recipe(folder: Path, name: str, backend: str, model: str, objective: str, rows: str) -> str:
    """The recipe's file, named as the recipe."""
    text = RECIPE.format(name=name, backend=backend, model=model, objective=objective, rows=rows)
    (folder / f"{name}.yaml").write_text(text, "utf-8")
    return f"{name}.yaml"


def train_and_merge(folder: Path, backend: str, python: Path) -> Path:
    """SFT of a new tiny model, and its merged weights in `by-recipes`, `by-hand` and `fused`; the adapter's folder."""
    program = ROOT / "examples/quickstart/make_tiny_model.py"
    run_command([python, program, folder / "model", "--experts", "4", "--tokenizer", get_tokenizer_folder("hybrid")])
    recipes(folder, "run", write_recipe(folder, "sft", backend, "model", "sft", "sft"), "-q")
    recipes(folder, "merge", "runs/sft", "-o", "by-recipes", "--backend", backend)
    adapter = next((folder / "runs/sft").rglob("adapter_model.safetensors")).parent
    run_command([python, "-c", MERGE_BY_HAND, *(folder / name for name in ("model", adapter, "by-hand", "fused"))])
    return adapter


def check_dpo(folder: Path, backend: str, model: str) -> None:
    """A recipe on the folder lints, plans, compiles, holds its weights at the trainer, and trains two steps."""
    file = write_recipe(folder, f"dpo-{model}", backend, model, "dpo", "pairs")
    assert get_model_facts(str(folder / model)).experts == 4
    assert "error" not in recipes(folder, "lint", file).stdout
    recipes(folder, "plan", file, "--set", "hardware.device=cuda", "--gpu", "rtx-4090")
    recipes(folder, "compile", file, "-o", f"compiled-{model}")
    seen = json.loads(recipes(folder, "verify", file, "--trainer", "--format", "json").stdout)
    (weights,) = [one for one in seen["backends"][0]["checks"] if one["field"] == "model.id"]
    assert weights["result"] == "ok", weights
    recipes(folder, "run", file, "-q")
    record = json.loads((folder / f"runs/dpo-{model}/run.json").read_text("utf-8"))
    assert (record["status"], record["steps"]) == ("finished", 2)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_framework_trains_on_each_form_of_what_was_merged(
    name: str,
    interpreter: Callable[[str], Path],
    folder: Path,
) -> None:
    python = interpreter(name)
    adapter = train_and_merge(folder, name, python)
    for model in ("by-recipes", "by-hand", "fused"):
        found = compare_logits(python, folder / "model", adapter, folder / model)
        assert found["differs"] < 1e-4 < found["moved"], model
        check_dpo(folder, name, model)
    listed = {model: run_command([python, "-c", LIST_EXPERTS, folder / model]) for model in ("by-hand", "fused")}
    assert ".experts.3.down_proj.weight" in listed["by-hand"] and ".experts.gate_up_proj" in listed["fused"]
