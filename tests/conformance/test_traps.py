"""The traps that only a run can show: what each framework did, not what it was told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT

pytestmark = [pytest.mark.training, pytest.mark.full]

BACKENDS = ("axolotl", "llamafactory", "ms-swift")
DATA = ROOT / "examples" / "data"
RECIPE = """\
version: 1
name: tiny
model: {model}
data: {data}
{part}
training: {{steps: 2, batch_size: 2, micro_batch_size: 2, sequence_length: 256, learning_rate: 1e-3{more}}}
hardware: {{device: cpu}}
output: {{dir: {out}}}
run: {{backend: {backend}, environment: {environment}}}
"""
FIRST_DPO_LOSS = 0.6931
"""ln 2: the policy is its own reference before the first step; one that is merged in bf16 rounds (LLaMA-Factory)."""


class Runs:
    """Recipes through `recipes run`; a folder of their own."""

    def __init__(self, folder: Path, name: str, python: Path, model: Path) -> None:
        self.folder, self.name = folder, name
        self.fixed = {"model": model, "backend": name, "environment": python.parent.parent}

    def run(self, data: str, part: str = "", out: str = "runs/tiny", more: str = "") -> dict[str, Any]:
        """Run it; its record, and the losses that the framework logged."""
        values = {"data": data, "part": part, "out": out, "more": f", log_every: 1{more and ', '}{more}", **self.fixed}
        (self.folder / "tiny.yaml").write_text(RECIPE.format(**values), "utf-8")
        command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "run", "tiny.yaml", "--force"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        record = json.loads((self.folder / out / "run.json").read_text("utf-8"))
        return {"record": record, "said": done.stdout + done.stderr}

    def history(self, out: str = "runs/tiny") -> list[dict[str, Any]]:
        """What the trainer logged, from its last checkpoint."""
        states = sorted((self.folder / out).rglob("trainer_state.json"), key=lambda path: path.stat().st_mtime)
        logged: list[dict[str, Any]] = json.loads(states[-1].read_text("utf-8"))["log_history"]
        return logged


@pytest.fixture(params=BACKENDS)
def runs(
    request: pytest.FixtureRequest,
    interpreter: Callable[[str], Path],
    tiny_model: Callable[[str], Path],
    tmp_path: Path,
) -> Runs:
    return Runs(tmp_path, request.param, interpreter(request.param), tiny_model(request.param))


def test_an_evaluation_that_was_asked_for_runs(runs: Runs) -> None:
    runs.run(f"{{train: {DATA}/support-validation.jsonl, validation: 0.2}}", more="evaluate_every: 1, save_every: 1")
    assert any("eval_loss" in line for line in runs.history())


def test_dpo_on_an_adapter_starts_from_that_adapter(runs: Runs) -> None:
    """With the bare base as its reference, the first loss is not ln 2."""
    runs.run(f"{{train: {DATA}/support-validation.jsonl}}", out="runs/first")
    adapter = next((runs.folder / "runs/first").rglob("adapter_config.json")).parent
    part = f"method: {{type: lora, start_from: {adapter}}}\nobjective: dpo"
    runs.run(f"{{train: {DATA}/preferences.jsonl}}", part, "runs/second", "save_every: 1")
    first = next(line["loss"] for line in runs.history("runs/second") if "loss" in line)
    assert first == pytest.approx(FIRST_DPO_LOSS, abs=6e-3)


def test_edited_rows_are_the_rows_that_are_trained(runs: Runs) -> None:
    """Axolotl's cache of tokenized rows does not look into the file; the loss of the first step tells."""
    rows = runs.folder / "rows.jsonl"
    losses = []
    for word in ("yes", "Wednesday"):
        turns = [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": f"{word} " * 40}]
        rows.write_text((json.dumps({"messages": turns}) + "\n") * 8, "utf-8")
        runs.run(f"{{train: {rows}}}", more="save_every: 1")
        losses.append(next(line["loss"] for line in runs.history() if "loss" in line))
    assert losses[0] != pytest.approx(losses[1], abs=1e-4)
