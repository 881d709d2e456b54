"""A framework loads model, adapter and data set from a hub on loopback, as `HF_ENDPOINT` names it.

Nothing of the three lies on this machine before. A locked run loads the locked adapter, though the hub has a newer one,
and does so again without the hub. `pytest -m training`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.ci_sample import list_parameters
from tests.conformance.conftest import run_command
from tests.hub.server import LocalHub, serve_hub

pytestmark = pytest.mark.training

ROOT = Path(__file__).parents[2]
CAN_CONTINUE = {"llamafactory": True, "axolotl": True, "ms-swift": True, "trl": False}
BACKENDS = list_parameters(CAN_CONTINUE, "llamafactory")
RECIPE = """\
version: 1
name: tiny
model: me/tiny
data: {{train: [{{hub: me/rows}}]}}
method: {{type: lora, rank: 8{start}}}
training: {{steps: 2, batch_size: 2, sequence_length: 512}}
hardware: {{device: cpu}}
run: {{backend: {backend}, environment: {environment}}}
"""
ADAPTER = """\
import sys
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
base = AutoModelForCausalLM.from_pretrained(sys.argv[1])
model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM"))
model.peft_config["default"].base_model_name_or_path = "me/tiny"
model.save_pretrained(sys.argv[2])
"""
DISTANCE = """\
import json, sys
from safetensors.torch import load_file
one, *others = (load_file(file) for file in sys.argv[1:])
found = [max((one[name] - other[name]).abs().max().item() for name in other if "lora_A" in name) for other in others]
print(json.dumps(found))
"""


@pytest.mark.parametrize("name", BACKENDS)
def test_what_the_hub_has_is_locked_checked_and_trained(
    name: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    python, repositories = interpreter(name), tmp_path / "hub"
    shutil.copytree(tiny_model(name), repositories / "models/me/tiny")
    _write_rows(repositories / "datasets/me/rows")
    start = ""
    if CAN_CONTINUE[name]:
        run_command([python, "-c", ADAPTER, repositories / "models/me/tiny", repositories / "models/me/adapter"])
        start = ", start_from: me/adapter"
    recipe = RECIPE.format(backend=name, environment=python.parent.parent, start=start)
    (tmp_path / "r.yaml").write_text(recipe, "utf-8")
    with serve_hub(repositories) as hub:
        _run_recipes(hub, tmp_path, "lock", "r.yaml")
        assert not any(".safetensors" in request for request in hub.requests)
        if start:
            locked = _train_adapter_again(hub, python)
        _run_recipes(hub, tmp_path, "run", "r.yaml", "--locked")
        commit = hub.repository("models", "me/tiny").commit
        assert any(f"/me/tiny/resolve/{commit}/model.safetensors" in request for request in hub.requests), hub.requests
        assert any("/datasets/me/rows/resolve/" in request for request in hub.requests), hub.requests
    assert list((tmp_path / "runs/tiny").rglob("adapter_model.safetensors"))
    if start:
        _check_adapter(hub, tmp_path, python, locked)
        shutil.rmtree(tmp_path / "runs")
        _run_recipes(hub, tmp_path, "run", "r.yaml", "--locked", HF_HUB_OFFLINE="1")
        _check_adapter(hub, tmp_path, python, locked)


def _train_adapter_again(hub: LocalHub, python: Path) -> str:
    """Other weights under the same name; the commit that the lock has."""
    locked = hub.keep_commit("models", "me/adapter")
    run_command([python, "-c", ADAPTER, hub.root / "models/me/tiny", hub.root / "models/me/adapter"])
    assert hub.repository("models", "me/adapter").commit != locked
    return locked


def _check_adapter(hub: LocalHub, folder: Path, python: Path, locked: str) -> None:
    """A of the trained adapter is near that of the locked one: a few steps move it by less than another start."""
    name = "adapter_model.safetensors"
    trained = next((folder / "runs/tiny").rglob(name))
    files = [trained, hub.kept[locked] / name, hub.root / "models/me/adapter" / name]
    from_locked, from_newest = json.loads(run_command([python, "-c", DISTANCE, *files]).splitlines()[-1])
    assert from_locked < 0.01 < from_newest


def _write_rows(folder: Path) -> None:
    folder.mkdir(parents=True)
    rows = (ROOT / "examples/data/support.jsonl").read_text("utf-8").splitlines()[:20]
    (folder / "train.jsonl").write_text("\n".join(rows) + "\n", "utf-8")


def _run_recipes(hub: LocalHub, folder: Path, *words: str, **more: str) -> None:
    """Run a command as a user of this hub with a cache of its own; it has to succeed."""
    named = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1", **more}
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE_"))}
    command = [sys.executable, "-m", "qwen_recipes", *words]
    done = subprocess.run(command, cwd=folder, env={**variables, **named}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
