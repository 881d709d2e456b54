"""status, logs, diff and report, on records as `recipes run` writes them."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.reports.svg_axes import Scale
from qwen_recipes.reports.svg_charts import Curve, draw_line_chart
from qwen_recipes.runs.metrics import StepMetrics, append_metrics
from qwen_recipes.runs.record import RunRecord, write_record

ROOT = Path(__file__).parents[3]

VALUES = {
    "recipe": {"file": "toy.yaml", "text": "version: 1 # <b>\n", "set": [], "hash": "0" * 64},
    "backend": {"name": "llamafactory", "version": "0.9.5"},
    "environment": {"folder": "e", "python": "3.11", "packages": {"torch": "2.13.0"}, "lock": None},
    "system": {"qwen-recipes": "0.1", "python": "3.11", "platform": "Linux"},
    "files": {},
    "command": ["bash"],
    "folder": "compiled",
    "pid": 1,
    "pid_started": None,
    "host": socket.gethostname(),
    "started": "2026-01-01T00:00:00+00:00",
    "ended": "2026-01-01T00:01:00+00:00",
    "seconds": 60.0,
    "steps": 3,
    "planned_steps": 3,
    "first_loss": 3.0,
    "metrics": {"tokens_per_second": 100.0, "peak_memory": 2 << 30, "memory_of": "gpu"},
}


def made(folder, name="toy", rank=16, status="finished", loss=1.5, **more):
    folder.mkdir(parents=True)
    plan = [
        {"field": "method.rank", "value": rank, "origin": "recipe", "reason": "validation"},
        {"field": "training.learning_rate", "value": 1e-4, "origin": "default", "reason": "usual for <adapters>"},
    ]
    known = {"name": name, "plan": plan, "output": str(folder), "status": status, "last_loss": loss}
    record = RunRecord(**{**VALUES, **known, **more})
    write_record(record)
    for step in (1, 2, 3):
        append_metrics(
            folder, StepMetrics(step, 10, loss=loss + 1 / step, learning_rate=1e-4 * step, seconds=step * 2.0)
        )
    return record


def recipes(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_status(tmp_path):
    made(tmp_path / "a")
    made(tmp_path / "deep/b", status="failed")
    made(tmp_path / "c", status="running")
    made(tmp_path / "a/earlier/1")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/run.json").write_text("{")
    (tmp_path / "c/checkpoint-2").mkdir()
    rows = recipes("status", tmp_path).stdout.splitlines()
    assert [re.split(r"\s{2,}", row)[:2] for row in rows[1:]] == [
        ["a", "finished"],
        ["c", "killed"],
        ["deep/b", "failed"],
    ]
    found = json.loads(recipes("status", tmp_path, "--format", "json").stdout)
    assert found[0]["loss"] == 1.5 and found[0]["planned"] == 3
    assert recipes("status", tmp_path / "a/run.json").exit_code == 2
    assert "no run" in recipes("status", tmp_path / "broken").stderr


def test_status_of_a_run_that_goes_on(tmp_path):
    made(tmp_path / "a", status="running", host="elsewhere", ended=None)
    one = json.loads(recipes("status", tmp_path, "--format", "json").stdout)[0]
    assert (one["state"], one["step"], one["planned"], one["left"]) == ("running", 3, 10, 14)
    assert "14 s" in recipes("status", tmp_path).stdout and "█" in recipes("status", tmp_path).stdout


def test_logs(tmp_path):
    made(tmp_path / "a")
    (tmp_path / "a/run.log").write_bytes(b"".join(b"line %d\n" % number for number in range(50)) + b"bar\r\xff")
    assert recipes("logs", tmp_path, "-n", 2).stdout_bytes == b"line 49\nbar\r\xff"
    assert recipes("logs", tmp_path / "a", "-n", 0).stdout_bytes.startswith(b"line 0\n")
    made(tmp_path / "b")
    done = recipes("logs", tmp_path)
    assert done.exit_code == 2 and "2 runs" in done.stderr


def test_logs_follow_until_the_run_ends(tmp_path):
    record = made(tmp_path / "a", status="running", host="elsewhere", ended=None)
    log = tmp_path / "a/run.log"
    log.write_bytes(b"one\n")

    def goes_on():
        time.sleep(1)
        with log.open("ab") as file:
            file.write(b"two\n")
        record.status, record.ended = "finished", record.started
        write_record(record)

    threading.Thread(target=goes_on).start()
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "logs", "-f", tmp_path / "a"]
    done = subprocess.run(command, capture_output=True, timeout=60, cwd=ROOT)
    assert done.stdout == b"one\ntwo\n" and done.returncode == 0


def test_diff_of_runs(tmp_path):
    made(tmp_path / "a")
    made(tmp_path / "b", rank=32, loss=0.75)
    done = recipes("diff", tmp_path / "a", tmp_path / "b")
    assert done.exit_code == 0
    assert "method.rank: 16 in the first, 32 in the second (2 times)" in done.stdout
    assert "last loss: 1.5 in the first, 0.75 in the second (0.5 times)" in done.stdout
    assert "learning_rate" not in done.stdout
    same = recipes("diff", tmp_path / "a", tmp_path / "a")
    assert same.stdout == "" and "no differences" in same.stderr


def test_diff_of_recipes(tmp_path):
    text = "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: rows.jsonl}\nmethod: %s\nrun: {backend: axolotl}\n"
    for name, method in (("a", "lora"), ("b", "dora")):
        (tmp_path / f"{name}.yaml").write_text(text % method)
    done = recipes("diff", tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert "method.variant: plain in the first, dora in the second" in done.stdout
    found = json.loads(recipes("diff", tmp_path / "a.yaml", tmp_path / "b.yaml", "--format", "json").stdout)
    assert {"what": "method.variant", "first": "plain", "second": "dora"} in found["recipe"]
    assert recipes("diff", tmp_path / "a.yaml", tmp_path).exit_code == 2
    assert recipes("diff", tmp_path, tmp_path).exit_code == 2


def test_report(tmp_path):
    metrics = {**VALUES["metrics"], "seconds_per_step": 7.0}
    made(tmp_path / "a", planned={"peak": 3 << 30, "seconds": 50.0}, metrics=metrics)
    made(tmp_path / "b", rank=32, loss=2.5)
    done = recipes("report", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "report.html")
    assert done.exit_code == 0
    text = (tmp_path / "report.html").read_text()
    assert "<script" not in text and "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert text.count("<svg") == 2 and text.count("<polyline") == 4
    assert "<td>50 s</td><td>21 s</td>" in text, "three steps of 7 s, not the run's whole minute"
    assert "3.0 GiB" in text and "2.0 GiB (gpu)" in text and "not estimated" in text
    assert "method.rank" in text and "version: 1 # &lt;b&gt;" in text and "usual for &lt;adapters&gt;" in text
    for drawing in re.findall(r"<svg.*?</svg>", text, re.S):
        ElementTree.fromstring(drawing)
    assert recipes("report", tmp_path).exit_code == 2


@pytest.mark.parametrize("points", [[(1, 2.0)], [(1, 2.0), (2, 2.0)], [(5, float("nan")), (6, 1.0)]])
def test_charts_of_little(points):
    ElementTree.fromstring(draw_line_chart([Curve("a", points)], "loss"))


def test_long_curves_are_thinned_and_keep_their_end():
    drawing = draw_line_chart([Curve("a", [(step, 1 / step) for step in range(1, 5001)])], "loss")
    places = re.search(r'points="([^"]*)"', drawing)[1].split()
    assert len(places) <= 802 and places[-1].startswith("940.0,")
    assert Scale(0, 1, 0, 100).compute_ticks() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert Scale(2, 80, 0, 100, logarithmic=True).compute_ticks() == [2, 4, 8, 16, 32, 64]
