"""A tiny Qwen3 through the real LLaMA-Factory, started, hurt and resumed. `make faults`."""

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
method: {{type: lora, rank: 8}}
training: {{steps: {steps}, batch_size: 2, sequence_length: 64, precision: fp32, learning_rate: 1e-3,
  save_every: {save}, log_every: 1, keep_checkpoints: 3}}
hardware: {{device: cpu}}
output: {{dir: out/run}}
run: {{backend: {backend}, environment: {environment}}}
"""


def rows() -> str:
    """Short ones, all different: a step takes a second or so of one core."""
    sums = [(f"{a} + {b} =", str(a + b)) for a in range(10) for b in range(10)]
    said = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in sums]
    return "".join(json.dumps({"messages": messages}) + "\n" for messages in said)


@dataclass
class Place:
    """A folder with a recipe of so many steps."""

    folder: Path
    steps: int

    @property
    def output(self) -> Path:
        return self.folder / "out" / "run"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "run", "hurt.yaml", "-q"]
        pipe = subprocess.PIPE
        env = {**os.environ, "PYTHONPATH": str(ROOT), "QWEN_RECIPES_GRACE": "1", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([*command, *arguments], cwd=self.folder, env=env, stdout=pipe, stderr=pipe, text=True)

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

    def settled(self) -> dict[str, object]:
        """The record once its end is written, and every process of the run is gone."""
        for _ in range(300):
            with contextlib.suppress(OSError, ValueError):
                made = self.record()
                if made["status"] != "running" and not below(made["pgid"]):
                    return made
            time.sleep(0.1)
        raise AssertionError(f"not ended after 30 s: {self.record()}")

    def hit(self, process: subprocess.Popen[str], whom: str) -> None:
        """Kill `recipes`, or whatever the framework has started."""
        if whom == "recipes":
            process.kill()
        else:
            for pid in below(self.record()["pgid"]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def below(session: object) -> list[int]:
    """The processes of a run's session but its supervisor; zombies don't count."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of, *_ = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
            if state not in "ZX" and int(of) == session and int(stat.parent.name) != session:
                found.append(int(stat.parent.name))
    return found


@pytest.fixture
def place(
    tmp_path: Path, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path]
) -> Callable[..., Place]:
    """A folder of its own with a recipe of `steps` steps; the output folder may be given from outside."""

    def make(steps: int, save: int = 2, backend: str = "llamafactory", name: str = "a") -> Place:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "rows.jsonl").write_text(rows(), "utf-8")
        python, model = interpreter(backend), tiny_model(backend)
        values = {"model": model, "environment": python.parent.parent, "backend": backend}
        (folder / "hurt.yaml").write_text(RECIPE.format(steps=steps, save=save, **values), "utf-8")
        return Place(folder, steps)

    return make


@pytest.fixture(scope="session")
def reference(
    tmp_path_factory: pytest.TempPathFactory, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path]
) -> Callable[[int], Place]:
    """An uninterrupted run of so many steps, made once."""
    made: dict[int, Place] = {}

    def of(steps: int) -> Place:
        if steps not in made:
            folder = tmp_path_factory.mktemp(f"reference-{steps}")
            (folder / "rows.jsonl").write_text(rows(), "utf-8")
            values = {"model": tiny_model("llamafactory"), "environment": interpreter("llamafactory").parent.parent}
            recipe = RECIPE.format(steps=steps, save=2, backend="llamafactory", **values)
            (folder / "hurt.yaml").write_text(recipe, "utf-8")
            place = Place(folder, steps)
            code, said = place.run()
            assert code == 0, said
            made[steps] = place
        return made[steps]

    return of
