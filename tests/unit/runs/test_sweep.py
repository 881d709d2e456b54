"""`recipes run` of a sweep, with a stand-in for the framework: rows, ranks, weights, resume, search."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.runs.stand_ins import RECIPE, framework, recipes_run

BODY = """\
import re
name = Path(sys.argv[2]).parents[1].name
text = next(Path("compiled").glob(f"*-{name}/llamafactory/train.yaml")).read_text()
rate = float(re.search(r"^learning_rate: (\\S+)", text, re.M)[1])
out = Path(re.search(r"^output_dir: (\\S+)", text, re.M)[1])
with open("order", "a") as file:
    file.write(out.name + "\\n")
if Path("slow").exists() and rate == 0.002:
    print("at work", flush=True)
    Path("started").touch()
    time.sleep(60)
if rate == 0.005:
    sys.exit("torch.OutOfMemoryError: CUDA out of memory.")
loss = float("nan") if rate == 0.006 else abs(rate - 0.003)
history = [{"step": n, "loss": loss, "eval_loss": loss + 1 / n} for n in (1, 2, 3)]
(out / "trainer_state.json").write_text(json.dumps({"global_step": 3, "max_steps": 3, "log_history": history}))
(out / "adapter_model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
(out / "checkpoint-3").mkdir(exist_ok=True)
"""
RATES = "[0.001, 0.002, 0.0025, 0.004, 0.005, 0.006]"


@pytest.fixture
def write(place):
    def to(sweep, data="data:\n  train:\n    - path: rows.jsonl\n  validation: rows.jsonl\n"):
        text = RECIPE.replace("data:\n  train:\n    - path: rows.jsonl\n", data)
        (place / "toy.yaml").write_text(text + f"sweep:\n  {sweep}\n")
        framework(place, BODY)
        return place

    return to


def read_rows(place: Path) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads((place / "runs/toy/sweep.json").read_text())["trials"]}


def test_trials_are_ranked_and_failures_are_rows(write):
    place = write(f"parameters: {{training.learning_rate: {RATES}}}")
    code, out, err = recipes_run(place, shown=False)
    assert code == 0, err
    rows = read_rows(place)
    assert {name: row["status"] for name, row in rows.items()} == {
        "lr0.001": "finished", "lr0.002": "finished", "lr0.0025": "finished", "lr0.004": "finished",
        "lr0.005": "out of memory", "lr0.006": "diverged",
    }  # fmt: skip
    assert [row["rank"] for row in rows.values()] == [4, 3, 1, 2, None, None] or rows["lr0.0025"]["rank"] == 1
    kept = [
        path.parent.name
        for path in (place / "runs/toy").glob("*/adapter_model.safetensors")
        if not path.parent.is_symlink()
    ]
    assert kept == ["lr0.0025"]
    assert (place / "runs/toy/best").resolve().name == "lr0.0025"
    assert b"out of memory" in out
    assert "best trial: lr0.0025" in err


def test_a_killed_sweep_resumes_with_what_has_no_result(write):
    place = write(f"parameters: {{training.learning_rate: {RATES}}}")
    (place / "slow").touch()
    command = [sys.executable, "-m", "qwen_recipes", "run", "toy.yaml"]
    process = subprocess.Popen(command, cwd=place, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])})
    for _ in range(600):
        if (place / "started").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert {row["status"] for row in read_rows(place).values()} == {"finished", "running", "waiting"}
    (place / "slow").unlink()
    time.sleep(3)
    code, _, err = recipes_run(place, "--resume", shown=False)
    assert code == 0, err
    order = (place / "order").read_text().split()
    assert (order.count("lr0.001"), order.count("lr0.002"), order.count("lr0.004")) == (1, 2, 1)
    assert read_rows(place)["lr0.0025"]["rank"] == 1


def test_a_metric_that_differs_in_meaning_is_refused_before_anything_runs(write):
    place = write("parameters: {training.sequence_length: [64, 128]}")
    code, _, err = recipes_run(place, shown=False)
    assert code == 1
    assert "trials cannot be ranked by `eval_loss`: `training.sequence_length` differs" in err
    assert not (place / "runs").exists()
    place = write("parameters: {training.learning_rate: [0.001, 0.002]}", "data: {train: rows.jsonl}\n")
    code, _, err = recipes_run(place, shown=False)
    assert code == 1
    assert "`eval_loss` needs validation data" in err


def test_a_search_is_drawn_by_optuna_and_resumed(write):
    pytest.importorskip("optuna")
    place = write(
        "parameters: {training.learning_rate: {min: 0.0015, max: 0.0045, log: true}}\n  search: {trials: 3, seed: 1}"
    )
    code, _, err = recipes_run(place, shown=False)
    assert code == 0, err
    first = read_rows(place)
    assert list(first) == ["t000", "t001", "t002"]
    assert len({row["values"]["training.learning_rate"] for row in first.values()}) == 3
    text = (place / "toy.yaml").read_text().replace("trials: 3", "trials: 5")
    (place / "toy.yaml").write_text(text)
    code, _, err = recipes_run(place, "--resume", shown=False)
    assert code == 0, err
    rows = read_rows(place)
    assert list(rows) == ["t000", "t001", "t002", "t003", "t004"]
    assert {name: rows[name]["values"] for name in first} == {name: row["values"] for name, row in first.items()}
    assert len((place / "order").read_text().split()) == 5
