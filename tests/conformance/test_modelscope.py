"""ms-swift loads a model from ModelScope: its own client against a server on loopback. `pytest -m training`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub.modelscope import serve_modelscope

pytestmark = [pytest.mark.training, pytest.mark.full]

ROOT = Path(__file__).parents[2]
RECIPE = """\
version: 1
name: tiny
model: {{id: me/tiny, source: modelscope, like: "{like}"}}
data: {{train: rows.jsonl}}
method: {{type: lora, rank: 8}}
training: {{steps: 2, batch_size: 2, sequence_length: 512}}
hardware: {{device: cpu}}
run: {{backend: ms-swift, environment: {environment}}}
"""


def test_ms_swift_trains_a_model_of_modelscope(
    interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    python, model = interpreter("ms-swift"), tiny_model("ms-swift")
    shutil.copytree(model, tmp_path / "hub/me/tiny")
    rows = (ROOT / "examples/data/support.jsonl").read_text("utf-8").splitlines()[:20]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (tmp_path / "r.yaml").write_text(RECIPE.format(like=model, environment=python.parent.parent), "utf-8")
    with serve_modelscope(tmp_path / "hub") as hub:
        named = {"MODELSCOPE_ENDPOINT": hub.url, "MODELSCOPE_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "qwen_recipes", "run", "r.yaml"]
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **named}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert any("FilePath=model.safetensors" in request for request in hub.requests), hub.requests
    assert list((tmp_path / "runs/tiny").rglob("adapter_model.safetensors"))
