"""`recipes merge --compare-loss` after a run: both losses are those of the two models, computed in plain PyTorch."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import run_command

pytestmark = [pytest.mark.training, pytest.mark.full]
PROGRAM = Path(__file__).with_name("merge_loss_program.py")
ROOT = Path(__file__).parents[2]
RECIPE = """\
version: 1
name: tiny
model: {model}
data: {{train: {rows}}}
method: {{type: {method}, rank: 4}}
training: {{steps: 4, batch_size: 2, micro_batch_size: 1, sequence_length: 256, learning_rate: 3e-2}}
hardware: {{device: cpu}}
output: {{dir: {output}}}
run: {{backend: trl}}
"""


@pytest.mark.parametrize("method", ["qlora", "lora"])
def test_both_losses_are_those_of_the_models(
    method: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    python, model = interpreter("trl"), tiny_model("trl")
    rows, run, merged = tmp_path / "rows.jsonl", tmp_path / "run", tmp_path / "merged"
    pairs = [("What is an epoch?", "One pass over the examples."), ("And a step?", "One update."), ("Why?", "So.")]
    lines = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in pairs]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE.format(model=model, rows=rows, method=method, output=run), "utf-8")
    call = [sys.executable, "-c", "from qwen_recipes.cli import main; main()"]
    run_command([*call, "run", recipe, "-q", "-o", tmp_path / "compiled"], PYTHONPATH=str(ROOT))
    options = ["-o", merged, "--compare-loss", "3", "--dtype", "float32", "--format", "json"]
    loss = json.loads(run_command([*call, "merge", run, *options], PYTHONPATH=str(ROOT)))["loss"]
    adapter = next(run.rglob("adapter_model.safetensors")).parent
    expected = json.loads(run_command([python, PROGRAM, model, adapter, merged, rows, method]).splitlines()[-1])
    assert expected["difference"] < 1e-6
    assert (loss["examples"], loss["tokens"]) == (3, expected["tokens"])
    assert abs(expected["base"] - expected["merged"]) > 0.05, expected
    assert loss["merged"] == pytest.approx(expected["merged"], abs=1e-4), (loss, expected)
    assert loss["trained"] == pytest.approx(expected["trained"], abs=1e-4 if method == "lora" else 5e-3)
    if method == "qlora":
        assert abs(expected["trained"] - expected["merged"]) > 5e-3, expected
