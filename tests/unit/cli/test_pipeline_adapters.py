"""A pipeline that merges an adapter which is not there stops before its first stage trains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.run_command import run

PIPELINE = """\
version: 1
model: Qwen/Qwen3-4B
data: {train: rows.jsonl}
hardware: {device: cpu}
run: {backend: llamafactory}
stages: [{name: a}, {name: b, merge: {adapters: [a, ADAPTER]}}]
"""


def test_a_missing_adapter_is_found_before_the_first_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / "p.yaml").write_text(PIPELINE.replace("ADAPTER", "runs/other"), "utf-8")
    done = run("run", "p.yaml", "--dry-run")
    assert (done.exit_code, done.stderr) == (2, "recipes: stage b merges runs/other, which does not exist\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.yaml", "rows.jsonl"]
    (tmp_path / "runs/other").mkdir(parents=True)
    assert "does not exist" not in run("run", "p.yaml", "--dry-run").stderr
