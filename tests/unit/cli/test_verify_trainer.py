"""`recipes verify --trainer`: exit codes, output, and that nothing of it is left behind, with a stand-in framework."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.verify.trainer_comparison import TrainerCheck
from qwen_recipes.verify.trainer_probe import checks, probe_jobs
from tests.conftest import ROOT
from tests.unit.cli.stand_in_trainer import FRAMEWORK, RECIPE, ROW


@pytest.fixture
def recipe(tmp_path):
    """A recipe whose environment is a program that writes the observation it is given."""
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) * 1 + "\n", "utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE, "utf-8")
    (tmp_path / "env" / "bin").mkdir(parents=True)
    python = tmp_path / "env" / "bin" / "python"
    python.write_text(FRAMEWORK.replace("/usr/bin/env python3", sys.executable), "utf-8")
    python.chmod(0o755)
    return tmp_path / "recipe.yaml"


@pytest.fixture
def run(recipe, monkeypatch):
    def of(*words, observation=None, results=()):
        monkeypatch.setenv("OBSERVATION", json.dumps({"seconds": 1.5} if observation is None else observation))
        found = [TrainerCheck(f"training.{n}", 1, 2, result, "there") for n, result in enumerate(results)]
        monkeypatch.setattr(checks, "compare_trainer", lambda *_: found)
        return CliRunner().invoke(main, ["verify", str(recipe), "--trust-recipe", "--trainer", *words])

    return of


def test_a_table_and_exit_0_where_nothing_differs(run):
    done = run(results=["ok", "not seen"])
    assert done.exit_code == 0, done.output
    assert "field" in done.stdout and "at the trainer" in done.stdout
    assert "0 fields differ, 1 ok," in done.stdout
    assert "not compared: on a CPU: Liger's kernels need a GPU" in done.stdout
    assert "model.id: on a small stand-in model" in done.stdout
    assert "starts on the CPU" in done.stderr and "starts on the CPU" not in done.stdout


def test_exit_1_where_a_field_differs(run):
    done = run(results=["ok", "differs"])
    assert done.exit_code == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("training.")]
    assert lines[0].split() == ["training.1", "1", "2", "differs:", "there"], "what differs comes first"


def test_json_has_every_check(run):
    done = run("--format", "json", results=["differs"])
    assert done.exit_code == 1
    (found,) = json.loads(done.stdout)["backends"]
    assert (found["backend"], found["seconds"]) == ("axolotl", 1.5)
    assert found["checks"][0] == {
        "field": "training.0",
        "planned": 1,
        "seen": 2,
        "result": "differs",
        "reason": "there",
    }
    assert {one["result"] for one in found["checks"][1:]} == {"not seen"}


def test_a_framework_that_fails_exits_4_with_its_last_words(run):
    done = run(observation={"error": "ended with exit status 1\nValueError: no such key"})
    assert done.exit_code == 4
    assert "failed before training started" in done.stderr and "no such key" in done.stderr
    assert done.stdout == ""


def test_without_an_environment_it_exits_4(recipe, monkeypatch):
    (recipe.parent / "env" / "bin" / "python").unlink()
    done = CliRunner().invoke(main, ["verify", str(recipe), "--trust-recipe", "--trainer"])
    assert done.exit_code == 4 and "not a virtual environment" in done.stderr


def test_a_recipe_that_does_not_compile_exits_1(recipe):
    recipe.write_text(RECIPE.replace("data:", "objective: {type: sft, kl_weight: 0.1}\ndata:"), "utf-8")
    done = CliRunner().invoke(main, ["verify", str(recipe), "--trust-recipe", "--trainer"])
    assert done.exit_code == 1 and "kl_weight" in done.stderr


def test_missing_rows_exit_2(run, recipe):
    (recipe.parent / "rows.jsonl").unlink()
    done = run()
    assert done.exit_code == 2 and "rows.jsonl" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_ctrl_c_leaves_nothing_behind(recipe, tmp_path):
    variables = {**os.environ, "HANG": str(tmp_path / "pids"), "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    command = [sys.executable, "-m", "qwen_recipes", "verify", str(recipe), "--trust-recipe", "--trainer"]
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True, **heed)
    end = time.monotonic() + 60
    while not (tmp_path / "pids").is_file() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.1)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not any(is_alive(int(pid)) for pid in (tmp_path / "pids").read_text("utf-8").split())
    assert list((tmp_path / "scratch").iterdir()) == []


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_variables_of_the_worker(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    found = probe_jobs._make_variables(tmp_path / "bin" / "python", "/tmp/probe-x")
    assert "PYTHONPATH" not in found
    assert found["PATH"].startswith(str(tmp_path / "bin"))
    assert found["TMPDIR"] == "/tmp/probe-x"


@pytest.mark.skipif(sys.platform == "win32", reason="the interpreter is a shell script")
def test_temporary_files_lie_below_a_short_path(tmp_path):
    """A socket's path may have a hundred characters: under a longer one Axolotl waited for it forever."""
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    out = folder / "observation.json"
    interpreter = folder / "python"
    interpreter.write_text(f'#!/bin/sh\nprintf %s "$TMPDIR" > {out}\n', "utf-8")
    interpreter.chmod(0o700)
    job = probe_jobs.ProbeJob(folder / "case.json", out, None, {}, {})
    probe_jobs.run_probes("axolotl", interpreter, [job], folder / "scratch")
    temporary = Path(out.read_text("utf-8"))
    assert len(str(temporary)) < len(tempfile.gettempdir()) + 20
    assert not temporary.exists()
