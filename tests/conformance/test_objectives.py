"""Every objective and method that a framework takes, trained for two steps by it on the CPU.

A minute each: `make conformance-full`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe

from .conftest import ROOT
from .results import write_result

pytestmark = [pytest.mark.training, pytest.mark.full]

BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
DATA = {
    "pretrain": "articles.jsonl",
    "dpo": "preferences.jsonl",
    "orpo": "preferences.jsonl",
    "simpo": "preferences.jsonl",
    "reward": "preferences.jsonl",
    "kto": "labelled.jsonl",
    "grpo": "sums.jsonl",
}
RUNS = {
    **{kind: f"objective: {kind}" for kind in ("pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward")},
    "ipo-with-sft": "objective: {type: dpo, loss: ipo, sft_weight: 0.1}",
    "anchored": "objective: {type: sft, kl_weight: 0.05}",
    "full": "method: full",
    "freeze": "method: {type: freeze, layers: 1}",
    "pissa": "method: {type: lora, variant: pissa}",
    "lora-plus": "method: {type: lora, lora_plus: 8}",
    "lora-plus-layers": "method: {type: lora, layers: 1, lora_plus: 8}",
    "qlora": "method: qlora",
    "grpo": "objective: {{type: grpo, generations: 2, max_completion_length: 16, rewards: "
    "[{{path: {rewards}, function: right_answer}}, {{path: {rewards}, function: short_answer, weight: 0.2}}]}}",
    "galore": "method: full",
    "apollo": "method: full",
}
OPTIMIZERS = {
    name: f", optimizer: {name}_adamw, low_rank: {{rank: 4, update_interval: 1}}" for name in ("galore", "apollo")
}
RECIPE = """\
version: 1
name: tiny
model: {model}
data: {{train: {data}}}
{part}
training: {{steps: 2, batch_size: 2, micro_batch_size: 2, sequence_length: 256, learning_rate: 1e-3{optimizer}}}
hardware: {{device: cpu}}
run: {{backend: {backend}, environment: {environment}}}
"""


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", BACKENDS)
def test_trains_or_is_refused(
    name: str, run: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    model = tiny_model(name)
    kind = "dpo" if run == "ipo-with-sft" else run
    data = ROOT / "examples" / "data" / DATA.get(kind, "support-validation.jsonl")
    part = RUNS[run].format(rewards=data.parent / "rewards.py") if run == "grpo" else RUNS[run]
    environment = interpreter(name).parent.parent
    values = {"model": model, "data": data, "environment": environment, "backend": name, "part": part}
    values["optimizer"] = OPTIMIZERS.get(run, "")
    file = tmp_path / "tiny.yaml"
    file.write_text(RECIPE.format(**values), "utf-8")
    try:
        compile_recipe(load_recipe(str(file)), load_backend(name), tmp_path / "out")
    except RecipeError as error:
        errors = [finding for finding in error.findings if finding.severity == "error"]
        assert all(finding.code == "backend" for finding in errors), errors
        write_result(run, name, "refused", errors[0].why)
        pytest.skip(f"refused: {errors[0].message}")
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "run", "tiny.yaml"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    if "needs the package" in done.stderr:
        said = next(line for line in done.stderr.splitlines() if "needs the package" in line)
        package = said.partition("needs the package ")[2].partition(",")[0]
        write_result(run, name, "not run", f"the locked environment has no {package}")
        pytest.skip(said)
    write_result(run, name, "failed" if done.returncode else "trained", "")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "over 2 steps" in done.stderr
    output = tmp_path / "runs" / "tiny"
    if (output / "adapter_model.safetensors").is_file():
        assert not list(output.glob("model*.safetensors")), "the base model was saved beside the adapter"
