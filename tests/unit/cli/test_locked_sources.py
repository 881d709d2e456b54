"""A lock pins data sets and adapters of the hub; `--locked` uses their commits."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.hub.server import serve_hub

LINE = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
ADAPTER = {
    "peft_type": "LORA",
    "base_model_name_or_path": "Qwen/Qwen3-4B",
    "r": 8,
    "lora_alpha": 16,
    "target_modules": ["q_proj", "v_proj"],
}
RECIPE = """version: 1
model: Qwen/Qwen3-4B
data: {train: [{hub: me/rows}], validation: [{hub: me/rows, split: test}]}
method: {type: lora, start_from: me/adapter}
run: {backend: axolotl}
"""


@pytest.fixture
def hub(tmp_path):
    rows, adapter = tmp_path / "hub/datasets/me/rows", tmp_path / "hub/models/me/adapter"
    rows.mkdir(parents=True)
    adapter.mkdir(parents=True)
    (rows / "train.jsonl").write_text(LINE * 3)
    (rows / "test.jsonl").write_text(LINE)
    (adapter / "adapter_config.json").write_text(json.dumps(ADAPTER))
    (tmp_path / "r.yaml").write_text(RECIPE)
    with serve_hub(tmp_path / "hub") as served:
        yield served


def run_recipes(hub, folder, *arguments, **variables):
    named = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache")}
    settings = {**os.environ, **named, "HF_HUB_DISABLE_XET": "1", **variables}
    settings.pop("HF_HUB_CACHE", None)
    command = [sys.executable, "-m", "qwen_recipes", *map(str, arguments)]
    return subprocess.run(command, env=settings, cwd=folder, capture_output=True, text=True)


def read_revisions(folder):
    spec = json.loads(next((folder / "out").rglob("rows.json")).read_text())
    return {source["revision"] for source in [*spec["train"], *spec["validation"]]}


def test_data_and_adapter_are_pinned_used_and_checked(hub, tmp_path):
    locked = run_recipes(hub, tmp_path, "lock", "r.yaml")
    assert locked.returncode == 0 and "me/rows is not pinned" not in locked.stderr, locked.stderr
    lock = json.loads((tmp_path / "r.lock").read_text())
    data, adapter = (
        hub.repository(kind, name).commit for kind, name in (("datasets", "me/rows"), ("models", "me/adapter"))
    )
    assert {entry["revision"] for entry in lock["data"] if entry.get("hub")} == {data}
    assert lock["adapter"] == {"id": "me/adapter", "revision": adapter}
    (tmp_path / "hub/datasets/me/rows/train.jsonl").write_text(LINE * 4)
    made = run_recipes(hub, tmp_path, "compile", "r.yaml", "--locked", "-o", "out")
    assert made.returncode == 0, made.stderr
    assert read_revisions(tmp_path) == {data} != {hub.repository("datasets", "me/rows").commit}
    trained_again = json.dumps({**ADAPTER, "r": 16})
    (tmp_path / "hub/models/me/adapter/adapter_config.json").write_text(trained_again)
    for variables in ({}, {"HF_HUB_OFFLINE": "1"}):
        made = run_recipes(hub, tmp_path, "compile", "r.yaml", "--locked", "-o", "out", **variables)
        assert made.returncode == 0, made.stderr
        assert f'adapter "$adapter" {adapter})' in (tmp_path / "out/axolotl/run.sh").read_text()
    locked = run_recipes(hub, tmp_path, "lock", "r.yaml")
    newest = json.loads((tmp_path / "r.lock").read_text())["adapter"]["revision"]
    assert newest == hub.repository("models", "me/adapter").commit != adapter


def test_the_revision_of_an_adapter_is_stated_and_loaded(hub, tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE.replace("me/adapter", "me/adapter, start_from_revision: v1"))
    assert run_recipes(hub, tmp_path, "lock", "r.yaml").returncode == 0
    assert json.loads((tmp_path / "r.lock").read_text())["adapter"] == {"id": "me/adapter", "revision": "v1"}
    missing = run_recipes(hub, tmp_path, "plan", "r.yaml", "--set", "method.start_from_revision=v9", "--gpu", "h100")
    assert (
        missing.returncode == 2 and "me/adapter has no revision v9; check method.start_from_revision" in missing.stderr
    )


def test_the_program_before_training_names_an_adapter_that_it_cannot_load(hub, tmp_path):
    """The folder has the settings alone, since this adapter has no weights."""
    for variables, told in (
        ({}, "the weights of me/adapter at revision v1 are not in"),
        ({"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "empty")}, "it is not in the local cache"),
    ):
        program = "from qwen_recipes.data.rows.hub_adapter import main; main('me/adapter', 'v1')"
        named = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1", **variables}
        settings = {name: value for name, value in os.environ.items() if name != "HF_HUB_CACHE"}
        made = subprocess.run(
            [sys.executable, "-c", program], env={**settings, **named}, capture_output=True, text=True, check=False
        )
        assert made.returncode == 1 and told in made.stderr and "Traceback" not in made.stderr, made.stderr


def test_without_the_hub_the_lock_says_what_is_not_pinned(hub, tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE.replace(", start_from: me/adapter", ""))
    locked = run_recipes(hub, tmp_path, "lock", "r.yaml", HF_HUB_OFFLINE="1")
    assert locked.returncode == 0 and "me/rows is not in the local cache" in locked.stderr
    assert "me/rows is not pinned" in locked.stderr
    assert json.loads((tmp_path / "r.lock").read_text())["adapter"] is None


def test_a_revision_that_the_recipe_states_stands(hub, tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE.replace("hub: me/rows", "hub: me/rows, revision: v1"))
    assert run_recipes(hub, tmp_path, "lock", "r.yaml").returncode == 0
    lock = json.loads((tmp_path / "r.lock").read_text())
    assert {entry["revision"] for entry in lock["data"] if entry.get("hub")} == {"v1"}
