"""Sweeps through a real framework on the CPU: ranked, out of memory, killed and resumed, searched by Optuna.

Out of memory is made real by a limit on the address space (`ulimit -v`), and a batch whose logits alone need more.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.training

ROOT = Path(__file__).parents[2]
BACKEND = "llamafactory"
"""TRL never holds the logits of a whole batch: it would train the large one for minutes."""
ADDRESS_SPACE_KIB = 16 * 1024 * 1024
RECIPE = """\
version: 1
name: tiny
model: {model}
data: {{train: rows.jsonl, validation: 0.02}}
method: {{type: lora, rank: 8}}
training: {{steps: {steps}, batch_size: 2, micro_batch_size: 1, sequence_length: 64, precision: fp32, log_every: 1,
  learning_rate: 1e-3, evaluate_every: 1, save_every: 2}}
hardware: {{device: cpu}}
output: {{dir: out}}
run: {{backend: {backend}, environment: {environment}}}
sweep:
{sweep}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Enough rows for a batch that does not fit: the first tensor of its logits is larger than the limit.

    Smaller ones would be filled one after another, for minutes, before memory ends.
    """
    sums = [" ".join(f"{a} + {b} =" for b in range(10, 15)) for a in range(10, 910)]
    said = [[{"role": "user", "content": text}, {"role": "assistant", "content": "?"}] for text in sums]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"messages": one}) + "\n" for one in said), "utf-8")
    return tmp_path


@pytest.fixture
def write(folder: Path, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path]) -> Callable[..., None]:
    def to(sweep: str, steps: int = 3) -> None:
        environment = interpreter(BACKEND).parents[1]
        text = RECIPE.format(
            model=tiny_model(BACKEND), backend=BACKEND, environment=environment, sweep=sweep, steps=steps
        )
        (folder / "tiny.yaml").write_text(text, "utf-8")

    return to


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`recipes run` under the limit."""
    command = f'ulimit -v {ADDRESS_SPACE_KIB}; exec "$0" -m qwen_recipes "$@"'
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "QWEN_RECIPES_GRACE": "1"}
    return subprocess.Popen(
        ["bash", "-c", command, sys.executable, *arguments], cwd=folder, env=variables, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=560)
    return process.returncode, out, err


def read(folder: Path) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in json.loads((folder / "out/sweep.json").read_text("utf-8"))["trials"]}


def has_weights(folder: Path, trial: str) -> bool:
    return (folder / "out" / trial / "adapter_model.safetensors").exists()


def wait_for(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.5)


def check_ranking(folder: Path, rows: dict[str, dict[str, object]]) -> str:
    """Ranks follow the metric; only the best has weights. The best trial's name."""
    ranked = sorted((row for row in rows.values() if row["rank"]), key=lambda row: row["rank"])
    metrics = [row["metric"] for row in ranked]
    assert metrics == sorted(metrics)
    assert [name for name in rows if has_weights(folder, name)] == [ranked[0]["name"]]
    assert (folder / "out/best").resolve() == (folder / "out" / ranked[0]["name"]).resolve()
    return ranked[0]["name"]


@pytest.mark.full
def test_two_trials_are_ranked_and_one_is_out_of_memory(folder: Path, write: Callable[..., None]) -> None:
    """Three trials."""
    write("  parameters: {training.learning_rate: [1e-4, 1e-1]}\n  trials:\n"
          "    large: {training.batch_size: 768, training.micro_batch_size: 768}", steps=2)  # fmt: skip
    code, out, err = finish(folder, "run", "tiny.yaml")
    assert code == 0, err
    rows = read(folder)
    assert rows["large"]["status"] == "out of memory", rows["large"]
    assert check_ranking(folder, rows) == "lr0.1", "two steps at this rate learn more than at 1e-4"
    assert "out of memory" in out
    code, table, _ = finish(folder, "report", "out", "--format", "csv")
    told = list(csv.DictReader(io.StringIO(table)))
    assert [row["trial"] for row in told] == ["lr0.1", "lr1e-4", "large"]
    assert finish(folder, "report", "out", "-o", "page.html")[0] == 0
    page = (folder / "page.html").read_text("utf-8")
    assert "training.learning_rate against eval_loss" in page
    assert page.count("<svg") == 3


@pytest.mark.full
def test_six_trials_one_out_of_memory_killed_and_resumed(folder: Path, write: Callable[..., None]) -> None:
    write("  parameters: {training.learning_rate: [1e-4, 1e-3, 1e-2, 3e-2, 1e-1]}\n  trials:\n"
          "    large: {training.batch_size: 768, training.micro_batch_size: 768}", steps=4)  # fmt: skip
    process = start(folder, "run", "tiny.yaml")
    log = folder / "out/lr0.001/metrics.jsonl"
    wait_for(lambda: log.exists() and bool(log.read_text("utf-8")), process)
    process.kill()
    process.communicate()
    before = read(folder)
    assert (before["lr1e-4"]["status"], before["lr0.001"]["status"]) == ("finished", "running")
    time.sleep(10)
    code, _, err = finish(folder, "run", "tiny.yaml", "--resume")
    assert code == 0, err
    rows = read(folder)
    assert rows["lr1e-4"] == {**before["lr1e-4"], "rank": rows["lr1e-4"]["rank"], "weights": False}, "not run again"
    assert len(rows) == 6
    assert rows["large"]["status"] == "out of memory"
    assert sum(row["status"] == "finished" for row in rows.values()) == 5
    check_ranking(folder, rows)


@pytest.mark.full
def test_an_interrupted_search_goes_on_with_its_study(folder: Path, write: Callable[..., None]) -> None:
    optuna = pytest.importorskip("optuna")
    write("  parameters: {training.learning_rate: {min: 1e-5, max: 1e-1, log: true}, method.rank: [4, 8]}\n"
          "  search: {trials: 4, seed: 7, pruner: none}")  # fmt: skip
    process = start(folder, "run", "tiny.yaml")
    wait_for(lambda: (folder / "out/t001/metrics.jsonl").exists(), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    before = read(folder)
    assert (before["t000"]["status"], before["t001"]["status"]) == ("finished", "interrupted")
    code, _, err = finish(folder, "run", "tiny.yaml", "--resume")
    assert code == 0, err
    rows = read(folder)
    assert list(rows) == ["t000", "t001", "t002", "t003"]
    assert {name: rows[name]["values"] for name in before} == {name: row["values"] for name, row in before.items()}
    assert all(row["status"] == "finished" for row in rows.values())
    expected = draw_without_interruption(optuna, [row["metric"] for row in rows.values()])
    assert [row["values"] for row in rows.values()] == expected, "as if it had not been interrupted"


def draw_without_interruption(optuna, metrics: list[float]) -> list[dict[str, object]]:
    """What the same sampler draws where each trial's result is known before the next is drawn."""
    from qwen_recipes.recipe.spec.sweep import Search
    from qwen_recipes.runs.optuna_search import make_sampler

    study = optuna.create_study()
    distributions = {
        "training.learning_rate": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True),
        "method.rank": optuna.distributions.CategoricalDistribution([4, 8]),
    }
    drawn = []
    for number, metric in enumerate(metrics):
        study.sampler = make_sampler(Search(trials=4, seed=7), number)
        trial = study.ask(distributions)
        drawn.append({"training.learning_rate": float(f"{trial.params['training.learning_rate']:.6g}"),
                      "method.rank": trial.params["method.rank"]})  # fmt: skip
        study.tell(trial, metric)
    return drawn
