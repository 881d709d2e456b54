"""Memory and seconds of training on two and four GPUs, through each framework's run.sh, beside what was predicted.

    PYTHONPATH=. python -m research.measurements.predict_two_gpu_memory      # first: writes the list's predictions
    PYTHONPATH=. python research/measurements/measure_two_gpu_memory.py OUT --sites FOLDER [--gpus 4] [--jobs 5]

Appends a JSON line a cell of two_gpu_memory_cells.json to OUT/two_gpu_memory.jsonl: the largest of the GPUs' peaks
(trainer_hook), in bytes, and seconds of each step while other cells train beside. Goes on where that file, and that in
results/, end. FOLDER holds the frameworks' packages, as offline_packages.py gathers them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from probe_on_gpu import hold_port
from run_on_gpu import create_environment
from trainer_cell_recipes import write_recipe

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.tokenizer import build_tokenizer
from qwen_recipes.recipe.load import load_recipe

HERE = Path(__file__).resolve().parent
CELLS = HERE / "two_gpu_memory_cells.json"
RESULTS = "two_gpu_memory.jsonl"
LIMIT_S, FIRST_PORT = 200, 29300
ONE_LOCK = threading.Lock()


class TwoGpuMemory:
    """Cells, several beside each other on the same GPUs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.out, self.deadline = options, options.out, time.monotonic() + options.minutes * 60
        files = [file for file in (self.out / RESULTS, HERE / "results" / RESULTS) if file.is_file()]
        done = {json.loads(line)["id"] for file in files for line in file.read_text("utf-8").splitlines()}
        self.cells = [cell for cell in json.loads(CELLS.read_text("utf-8")) if cell["id"] not in done]
        self.cells = [cell for cell in self.cells if cell["recipe"]["hardware"]["gpus"] <= options.gpus]

    def run(self) -> None:
        """All of them, or until the time is over."""
        for backend in dict.fromkeys(cell["backend"] for cell in self.cells):
            if not (self.out / "environments" / backend).is_dir():
                create_environment(self.out / "environments" / backend, self.options.sites, backend)
        for model in dict.fromkeys(cell["model"] for cell in self.cells):
            self.write_model(model)
        with ThreadPoolExecutor(self.options.jobs) as pool:
            for number, cell in enumerate(self.cells):
                pool.submit(self.measure_and_save, cell, FIRST_PORT + number)

    def write_model(self, name: str) -> None:
        """Random weights and Qwen3's tokenizer."""
        folder = self.options.models / name
        if (folder / "tokenizer.json").is_file():
            return
        paths = [HERE, HERE.parents[1], *(self.options.sites / part for part in ("current", "recipes"))]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
        command = [sys.executable, str(HERE / "random_models.py"), str(self.options.models), name]
        subprocess.run(command, check=True, env=variables, stdout=subprocess.DEVNULL)
        build_tokenizer(folder, "hybrid")

    def measure_and_save(self, cell: dict[str, Any], port: int) -> None:
        """A line of the results; nothing where the time is over."""
        if time.monotonic() > self.deadline - 40:
            return
        began = time.monotonic()
        try:
            result = self.measure(cell, port)
        except RecipeError as error:
            result = {"outcome": "refused", "error": error.findings[0].message}
        except Exception as problem:
            result = {"outcome": "failed", "error": f"{type(problem).__name__}: {problem}"[:600]}
        line = {"id": cell["id"], **result, "jobs": self.options.jobs, "seconds": round(time.monotonic() - began, 1)}
        line["date"] = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        with ONE_LOCK, (self.out / RESULTS).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")
            print(json.dumps(line)[:600], flush=True)

    def measure(self, cell: dict[str, Any], port: int) -> dict[str, Any]:
        """Compile the cell's recipe, run its run.sh, read what all processes wrote."""
        folder, python = self.out / "cells" / cell["id"], self.out / "environments" / cell["backend"] / "bin" / "python"
        recipe = write_recipe(cell, self.options.models / cell["model"], folder)
        with ONE_LOCK:
            compiled = compile_recipe(load_recipe(str(recipe)), load_backend(cell["backend"]), folder / "compiled")
        write_files(folder / "compiled", compiled.files)
        peaks = folder / "peaks"
        peaks.mkdir()
        variables = {
            **os.environ,
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(HERE / "trainer_hook"),
            "TRAINER_MEMORY": str(peaks),
            "MASTER_PORT": str(port),
            "PET_MASTER_PORT": str(port),
            "HF_HUB_OFFLINE": "1",
            "DISABLE_VERSION_CHECK": "1",
            "OMP_NUM_THREADS": "2",
        }
        launch = {"backend": cell["backend"], "strategy": cell["recipe"]["hardware"]["strategy"]}
        with hold_port(launch):
            code = run_script(folder / "compiled" / "run.sh", folder / "log", variables, self.deadline)
        shutil.rmtree(folder / "trained", ignore_errors=True)
        found = [json.loads(file.read_text("utf-8")) for file in sorted(peaks.glob("rank*.json"))]
        tail = (folder / "log").read_text("utf-8", "replace")[-1500:]
        if len(found) < cell["recipe"]["hardware"]["gpus"]:
            return {"outcome": "time limit" if code is None else "failed", "exit": code, "error": tail}
        return {
            "outcome": "trained",
            "peak_allocated": max(one["allocated"] for one in found),
            "peak_reserved": max(one["reserved"] for one in found),
            "each": found,
        }


def run_script(script: Path, log: Path, variables: dict[str, str], deadline: float) -> int | None:
    """Its exit code; None where it was stopped at its limit."""
    with log.open("w") as file:
        process = subprocess.Popen(["bash", script], env=variables, stdout=file, stderr=file, start_new_session=True)
        try:
            return process.wait(min(LIMIT_S, max(20.0, deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--models", type=lambda text: Path(text).resolve(), default=Path("/dev/shm/models"))
    parser.add_argument("--gpus", type=int, default=2, help="cells that want more are left out")
    parser.add_argument("--jobs", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=9)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    options.models.mkdir(parents=True, exist_ok=True)
    TwoGpuMemory(options).run()


if __name__ == "__main__":
    main()
