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

from qwen_recipes.launch.losses import read_losses
from qwen_recipes.launch.points import last_points
from scripts import hurt
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
training: {{steps: {steps}, batch_size: 2, micro_batch_size: 1, sequence_length: 64, precision: fp32, warmup: 3,
  learning_rate: 1e-3, packing: {packing}, save_every: 2, log_every: 1, keep_checkpoints: 3}}
hardware: {{device: cpu}}
output: {{dir: out/run}}
run: {{backend: {backend}, environment: {environment}}}
"""
"""Dropout and warm-up, two micro-batches a step, several epochs: all of it has a state that has to come back."""
ROWS, EPOCH = 20, 10
"""Rows, and steps of an epoch, unpacked."""


def rows() -> str:
    """Short ones, all different."""
    sums = [(f"{a} + {a + 7} =", str(2 * a + 7)) for a in range(ROWS)]
    said = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in sums]
    return "".join(json.dumps({"messages": messages}) + "\n" for messages in said)


@dataclass
class Place:
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
        return max((point.step for point in last_points(self.output)), default=0)

    def begun_by(self, pid: int) -> bool:
        """Whether the record is of the run that this process has started."""
        with contextlib.suppress(OSError, ValueError):
            return self.record()["pid"] == pid and self.record()["pgid"] is not None
        return False

    def logged(self) -> int:
        """Lines of the curve, those of earlier attempts included."""
        curve = self.output / "metrics.jsonl"
        return curve.read_bytes().count(b"\n") if curve.is_file() else 0

    def settled(self, said: bool = True) -> dict[str, object]:
        """The record once every process of the run is gone and its end is written, if somebody was left to say it."""
        for _ in range(300):
            with contextlib.suppress(OSError, ValueError):
                made = self.record()
                if (made["status"] != "running" or not said) and not of_session(made["pgid"]):
                    return made
            time.sleep(0.1)
        raise AssertionError(f"not ended after 30 s: {self.record()}")

    def hit(self, process: subprocess.Popen[str], whom: str) -> None:
        """SIGKILL for `recipes`, for all that the framework has started, or for all of it as when the power goes."""
        session = self.record()["pgid"]
        pids = [pid for pid in of_session(session) if pid != session or whom == "everything"]
        for pid in [process.pid] * (whom != "trainer") + pids * (whom != "recipes"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def of_session(session: object) -> list[int]:
    """The processes of a run's session, its supervisor first; zombies don't count."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of, *_ = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
            if state not in "ZX" and int(of) == session:
                found.append(int(stat.parent.name))
    return sorted(found, key=lambda pid: pid != session)


@pytest.fixture(scope="session")
def set_up(interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path]) -> Callable[..., Place]:
    """A recipe of `steps` steps in a new folder."""

    def make(folder: Path, steps: int, backend: str = "llamafactory", packing: bool = False) -> Place:
        folder.mkdir()
        (folder / "rows.jsonl").write_text(rows(), "utf-8")
        python, model = interpreter(backend), tiny_model(backend)
        values = {
            "model": model,
            "environment": python.parent.parent,
            "backend": backend,
            "packing": str(packing).lower(),
        }
        (folder / "hurt.yaml").write_text(RECIPE.format(steps=steps, **values), "utf-8")
        return Place(folder, steps, backend)

    return make


@pytest.fixture
def place(tmp_path: Path, set_up: Callable[..., Place]) -> Callable[..., Place]:
    """A recipe of so many steps, in the test's own folder."""
    return lambda steps, *more: set_up(tmp_path / "hurt", steps, *more)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory, set_up: Callable[..., Place]) -> Callable[..., Place]:
    """An uninterrupted run of so many steps, made once."""
    made: dict[tuple[object, ...], Place] = {}

    def of(*wanted: object) -> Place:
        if wanted not in made:
            place = set_up(tmp_path_factory.mktemp("whole") / "run", *wanted)
            code, said = place.run()
            assert code == 0, said
            made[wanted] = place
        return made[wanted]

    return of


def as_if_killed(place: Place, whole: Place, step: int) -> None:
    """The output of an uninterrupted run, as it was after `step`."""
    hurt.as_if_killed(place.output, whole.output, step)
