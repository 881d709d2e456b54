"""A pipeline that merges whole models: what plan, lock and run say of it before its first stage has run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.run_command import run

PIPELINE = """\
version: 1
name: p
model: Qwen/Qwen3-0.6B
data: {train: rows.jsonl}
method: full
hardware: {gpu: h100}
run: {backend: llamafactory}
stages:
  - {name: a}
  - {name: b, model: Qwen/Qwen3-0.6B, training: {seed: 7}}
  - {name: both, merge: {models: [a, {model: b, weight: 0.5}], combine: ties, density: 0.5}}
  - {name: last, training: {seed: 8}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pipeline, on a machine without environments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QWEN_RECIPES_HOME", str(tmp_path / "envs"))
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / "p.yaml").write_text(PIPELINE, "utf-8")
    return tmp_path


def test_plan_has_what_the_merge_takes() -> None:
    (merge,) = [one for one in json.loads(run("plan", "p.yaml", "--format", "json").stdout) if one.get("merge")]
    assert (merge["stage"], merge["disk_bytes"] // 10**7) == ("both", 119)
    assert 2e9 < merge["host_bytes"] < 2e10


def test_lock_sees_how_models_are_merged(folder: Path) -> None:
    done = run("lock", "p.yaml")
    assert done.exit_code == 0 and "runs/p/both is not pinned" not in done.stderr, done.stderr
    assert json.loads((folder / "p.lock").read_text("utf-8"))["merges"]["both"] == {
        "combine": "ties", "density": 0.5, "base": "Qwen/Qwen3-0.6B", "mergekit": "0.1.5",
        "inputs": [{"folder": "runs/p/a", "weight": 1.0}, {"folder": "runs/p/b", "weight": 0.5}],
    }  # fmt: skip
    (folder / "p.yaml").write_text(PIPELINE.replace("density: 0.5", "density: 0.4"), "utf-8")
    done = run("run", "p.yaml", "--locked", "--dry-run")
    assert done.exit_code == 1 and "merges both density: 0.5 in the lock file, now 0.4" in done.stderr


def test_a_missing_mergekit_is_found_before_the_first_stage_trains(folder: Path) -> None:
    done = run("run", "p.yaml")
    assert done.exit_code == 4 and "recipes env create mergekit" in done.stderr, done.stderr
    assert not (folder / "runs").exists()
