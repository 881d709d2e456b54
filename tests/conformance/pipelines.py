"""Commands of ours in a folder, and what a pipeline left there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
LOGITS = """\
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
base, adapter, merged = sys.argv[1:]
ids = torch.arange(100, 160).reshape(1, -1)
load = lambda folder: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
with torch.no_grad():
    plain = load(base)(ids).logits
    trained = PeftModel.from_pretrained(load(base), adapter).eval()(ids).logits
    made = load(merged)(ids).logits
print(json.dumps({"differs": (made - trained).abs().max().item(), "moved": (trained - plain).abs().max().item()}))
"""


def recipes(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command of ours in this folder; it has to end with this code."""
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def read_stages(folder: Path) -> dict[str, dict[str, Any]]:
    """The stages in the pipeline's record."""
    record = json.loads((folder / "runs/tiny/pipeline.json").read_text("utf-8"))
    return {stage["name"]: stage for stage in record["stages"]}


def compare_logits(python: Path, base: Path, adapter: Path, merged: Path) -> dict[str, float]:
    """The largest difference of logits between base with adapter and the merged model, and how far training moved."""
    command = [str(python), "-c", LOGITS, str(base), str(adapter), str(merged)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
