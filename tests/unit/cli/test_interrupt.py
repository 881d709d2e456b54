"""Ctrl-C, and a kill: a line and exit code 130, nothing half written, no process left behind."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from qwen_recipes.data.preparation import pipeline as preparation
from tests.conftest import ROOT

pytest.importorskip("tokenizers")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")

SECONDS = 30


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """12 MB of rows: two stretches, some seconds of work."""
    file, text = tmp_path_factory.mktemp("rows") / "rows.jsonl", (ROOT / "examples/data/support.jsonl").read_bytes()
    file.write_bytes(text * (12_000_000 // len(text)))
    return file


def heeds_ctrl_c():
    """As under a terminal: what a shell starts in the background begins with SIGINT ignored, and so would its tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(*words):
    command = [sys.executable, "-m", "qwen_recipes", *map(str, words)]
    words = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": heeds_ctrl_c}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **words)


def children(process):
    """Its children, once there are two: those that judge rows."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
        if len(pids := [int(pid) for pid in found.stdout.split()]) == 2:
            return pids
        time.sleep(0.05)
    raise AssertionError(f"no two processes: {process.communicate()}")


def gone(pids):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and any(map(_alive, pids)):
        time.sleep(0.05)
    return not any(map(_alive, pids))


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("whole_group", [True, False], ids=["from a terminal", "to the parent alone"])
def test_a_check_is_interrupted(rows, tmp_path, whole_group):
    process = started("data", "check", rows, "--jobs", 2, "--html", tmp_path / "page.html")
    pids = children(process)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err.strip()) == (130, "", "recipes: interrupted")
    assert gone(pids)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGKILL])
def test_nobody_judges_rows_for_a_parent_that_was_killed(rows, kill):
    process = started("data", "check", rows, "--jobs", 2)
    pids = children(process)
    process.send_signal(kill)
    process.communicate(timeout=SECONDS)
    assert process.returncode == -kill
    assert gone(pids)


def test_a_preparation_is_interrupted(rows, tmp_path):
    process = started("data", "prepare", rows, "-o", tmp_path / "out" / "train.jsonl", "--deduplicate", "near")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not (tmp_path / "out").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err.strip()) == (130, "", "recipes: interrupted")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_was_there_stays_where_writing_is_interrupted(tmp_path, monkeypatch):
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    file.write_text(json.dumps({"messages": messages}) + "\n", "utf-8")
    out.write_text("earlier\n", "utf-8")
    outputs = preparation.OutputPaths(out, tmp_path / "held.jsonl", tmp_path / "manifest.json")

    def interrupt(self, digests):
        assert len(list(tmp_path.glob(".recipes-*.part"))) == 2, "rows are written beside their place by now"
        raise KeyboardInterrupt

    monkeypatch.setattr(preparation.DataPreparation, "_build_manifest", interrupt)
    with pytest.raises(KeyboardInterrupt):
        preparation.DataPreparation(
            [preparation.InputFile(str(file), "messages", {})], preparation.PreparationOptions()
        ).run(outputs)
    assert out.read_text("utf-8") == "earlier\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]
