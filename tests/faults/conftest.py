"""A tiny Qwen3 through the real frameworks, started, hurt and resumed. `make faults`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from qwen_recipes.runs.metrics import read_last_metrics
from qwen_recipes.runs.trainer_logs import read_losses
from research.faults import simulated_kill
from tests.conformance.conftest import interpreter, tiny_model

__all__ = ["interpreter", "tiny_model"]
ROOT = Path(__file__).parents[2]
RECIPE = """\
version: 1
name: hurt
model: {model}
data:
  train:
    - path: rows.jsonl
method: {{type: lora, rank: 8, dropout: 0.1}}
training: {{steps: {steps}, batch_size: 2, micro_batch_size: 1, sequence_length: 64, precision: fp32, warmup_steps: 3,
  learning_rate: 1e-3, packing: {packing}, save_every: 2, log_every: 1, keep_checkpoints: 3}}
hardware: {{device: cpu}}
output: {{dir: out/run}}
run: {{backend: {backend}, environment: {environment}}}
"""
"""Dropout and warm-up, two micro-batches a step, several epochs: all of it has a state that has to come back."""
ROWS, EPOCH_STEPS = 20, 10
"""Rows, and steps of an epoch, unpacked."""


def make_rows() -> str:
    """Short ones, all different."""
    sums = [(f"{a} + {a + 7} =", str(2 * a + 7)) for a in range(ROWS)]
    said = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in sums]
    return "".join(json.dumps({"messages": messages}) + "\n" for messages in said)


@dataclass
class RunFolder:
    """A folder with a recipe of so many steps."""

    folder: Path
    steps: int
    backend: str

    @property
    def output(self) -> Path:
        return self.folder / "out" / "run"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`recipes run` in a session of its own, as a terminal's foreground job is in a group of its own."""
        command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "run", "hurt.yaml", "-q"]
        pipe = subprocess.PIPE
        env = {**os.environ, "PYTHONPATH": str(ROOT), "QWEN_RECIPES_GRACE": "1", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [*command, *arguments],
            cwd=self.folder,
            env=env,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code, and what was said."""
        process = self.start(*arguments)
        _, said = process.communicate(timeout=600)
        return process.returncode, said

    def record(self) -> dict[str, object]:
        made: dict[str, object] = json.loads((self.output / "run.json").read_text("utf-8"))
        return made

    def losses(self) -> dict[int, float]:
        return dict(read_losses(self.output, self.output / "run.log").train)

    def step(self) -> int:
        """The last step of the curve; 0 before the first."""
        return max((point.step for point in read_last_metrics(self.output)), default=0)

    def is_started_by(self, pid: int) -> bool:
        """Whether the record is of the run that this process has started."""
        with contextlib.suppress(OSError, ValueError):
            return self.record()["pid"] == pid and self.record()["pgid"] is not None
        return False

    def count_logged_lines(self) -> int:
        """Lines of the curve, those of earlier attempts included."""
        curve = self.output / "metrics.jsonl"
        return curve.read_bytes().count(b"\n") if curve.is_file() else 0

    def wait_until_ended(self, end_written: bool = True) -> dict[str, object]:
        """The record once every process of the run is gone and its end is written, if somebody was left to say it."""
        for _ in range(300):
            with contextlib.suppress(OSError, ValueError):
                made = self.record()
                if (made["status"] != "running" or not end_written) and not list_session_processes(made["pgid"]):
                    return made
            time.sleep(0.1)
        raise AssertionError(f"not ended after 30 s: {self.record()}")

    def kill_processes(self, process: subprocess.Popen[str], target: str) -> None:
        """SIGKILL for `recipes`, for all that the framework has started, or for all of it as when the power goes."""
        session = self.record()["pgid"]
        pids = [pid for pid in list_session_processes(session) if pid != session or target == "everything"]
        for pid in [process.pid] * (target != "trainer") + pids * (target != "recipes"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def list_session_processes(session: object) -> list[int]:
    """The processes of a run's session, its supervisor first; zombies don't count."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of, *_ = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
            if state not in "ZX" and int(of) == session:
                found.append(int(stat.parent.name))
    return sorted(found, key=lambda pid: pid != session)


@pytest.fixture(scope="session")
def set_up(interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path]) -> Callable[..., RunFolder]:
    """A recipe of `steps` steps in a new folder."""

    def make(folder: Path, steps: int, backend: str = "llamafactory", packing: bool = False) -> RunFolder:
        folder.mkdir()
        (folder / "rows.jsonl").write_text(make_rows(), "utf-8")
        python, model = interpreter(backend), tiny_model(backend)
        values = {
            "model": model,
            "environment": python.parent.parent,
            "backend": backend,
            "packing": str(packing).lower(),
        }
        (folder / "hurt.yaml").write_text(RECIPE.format(steps=steps, **values), "utf-8")
        return RunFolder(folder, steps, backend)

    return make


@pytest.fixture
def place(tmp_path: Path, set_up: Callable[..., RunFolder]) -> Callable[..., RunFolder]:
    """A recipe of so many steps, in the test's own folder."""
    return lambda steps, *more: set_up(tmp_path / "hurt", steps, *more)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory, set_up: Callable[..., RunFolder]) -> Callable[..., RunFolder]:
    """An uninterrupted run of so many steps, made once."""
    made: dict[tuple[object, ...], RunFolder] = {}

    def of(*wanted: object) -> RunFolder:
        if wanted not in made:
            place = set_up(tmp_path_factory.mktemp("whole") / "run", *wanted)
            code, said = place.run()
            assert code == 0, said
            made[wanted] = place
        return made[wanted]

    return of


def simulate_kill(place: RunFolder, uninterrupted: RunFolder, step: int) -> None:
    """The output of an uninterrupted run, as it was after `step`."""
    simulated_kill.simulate_kill(place.output, uninterrupted.output, step)
