"""`recipes status` of a pipeline."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from qwen_recipes.filesystem.locked_folder import lock_folder
from qwen_recipes.runs.pipeline import PipelineRecord, StageRecord, write_pipeline_record
from tests.unit.cli.run_command import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two stages that are done, a merge that is going on, and one that waits."""
    place = tmp_path / "runs/tiny"
    place.mkdir(parents=True)
    stages = [
        StageRecord("sft", "train", str(place / "sft"), "trl", "finished", started="2026-01-01", seconds=5),
        StageRecord("dpo", "train", str(place / "dpo"), "trl", "finished", seconds=61.0),
        StageRecord("all", "merge", str(place / "all"), "trl", "running"),
        StageRecord("again", "train", str(tmp_path / "elsewhere"), "", "waiting"),
    ]  # fmt: skip
    write_pipeline_record(place, PipelineRecord("tiny", {}, stages, "2026-01-01T00:00:00+00:00"))
    return tmp_path


def read_states(folder: Path) -> list[tuple[str, str]]:
    return [(one["name"], one["state"]) for one in json.loads(run("status", folder, "--format", "json").stdout)]


def test_stages_stand_in_their_order(folder: Path) -> None:
    states = [("tiny-sft", "finished"), ("tiny-dpo", "finished"), ("tiny-all", "killed"), ("tiny-again", "waiting")]
    assert read_states(folder) == states
    with lock_folder(folder / "runs/tiny"):
        assert read_states(folder)[2] == ("tiny-all", "running")


def test_the_table_names_folders_as_they_were_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    rows = [line.split()[:2] for line in run("status").stdout.splitlines()[1:]]
    assert rows[:3] == [["runs/tiny/sft", "finished"], ["runs/tiny/dpo", "finished"], ["runs/tiny/all", "killed"]]


@pytest.mark.parametrize("changed", [{"output": 5}, {"seconds": "x"}, {"name": None}, {"status": []}, {"started": {}}])
def test_a_damaged_record_ends_nothing(folder: Path, changed: dict[str, object]) -> None:
    record = PipelineRecord("tiny", {}, [StageRecord("sft", "train", "x")], "")
    data = asdict(record)
    data["stages"][0] |= changed
    (folder / "runs/tiny/pipeline.json").write_text(json.dumps(data), "utf-8")
    for form in ("text", "json"):
        result = run("status", folder, "--format", form)
        assert (result.exit_code, result.stderr) == (2, f"recipes: no run in {folder} or below it\n")


def test_no_run_is_a_usage_error_as_for_logs(tmp_path: Path) -> None:
    for command in ("status", "logs"):
        assert (run(command, tmp_path).exit_code, run(command, tmp_path).stdout) == (2, "")
    assert json.loads(run("status", tmp_path, "--format", "json").stdout) == []
