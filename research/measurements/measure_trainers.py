"""Measure the cells of trainer_cells.json on one GPU, several processes beside each other, one training at a time.

    python research/measurements/measure_trainers.py CELLS OUT --sites FOLDER [--split fitted …] [--jobs 8]

Appends a JSON line a cell to OUT/trainers.jsonl and goes on where that file, and --done FILE, end. Models have random
weights (random_models.py) and lie in --models. Each cell has a process of its own (trainer_meter.py). Loading, rows and
imports happen beside other cells; steps are timed alone on the GPU, and on cores of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from trainer_cell_recipes import write_recipe
from trainer_meter import QUIET_CORES

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import CompiledRecipe, compile_recipe, write_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.tokenizer import build_tokenizer
from qwen_recipes.recipe.load import load_recipe

HERE = Path(__file__).resolve().parent
LIMIT_S = 150
ONE_LOCK = threading.Lock()


def build_environment(backend: str, sites: Path, gpu: int = 0) -> dict[str, str]:
    """Packages of the backend, one GPU, and no network."""
    folders = [HERE, HERE.parents[1], *(sites / part for part in (backend, "current", "recipes"))]
    fixed = {
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "DISABLE_VERSION_CHECK": "1",
        "AXOLOTL_DO_NOT_TRACK": "1",
        "WANDB_MODE": "offline",
        "OMP_NUM_THREADS": "2",
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": str(gpu),
    }
    return {**os.environ, **fixed}


def read_allocator(script: Path) -> dict[str, str]:
    """What a compiled run.sh sets for PyTorch's allocator, as a variable of the environment."""
    found = re.search(r"PYTORCH_ALLOC_CONF:-([^}]+)}", script.read_text("utf-8")) if script.is_file() else None
    return {"PYTORCH_ALLOC_CONF": found[1]} if found else {}


class TrainerMeasurement:
    """Cells, worked through by so many threads."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.given, self.out = arguments, arguments.out
        self.results = self.out / "trainers.jsonl"
        self.deadline = time.monotonic() + arguments.minutes * 60
        done = {json.loads(line)["id"] for file in (self.results, arguments.done) for line in read_lines(file)}
        cells = json.loads(arguments.cells.read_text("utf-8"))
        wanted = [c for c in cells if c["id"] not in done and (not arguments.split or c["split"] in arguments.split)]
        self.cells = [c for c in wanted if not arguments.only or any(word in c["id"] for word in arguments.only)]
        random.Random(3).shuffle(self.cells)
        self.models: dict[str, Any] = {}

    def run(self) -> None:
        """All of them, or until the time is over."""
        with ThreadPoolExecutor(2) as writers, ThreadPoolExecutor(self.given.jobs) as pool:
            for name in dict.fromkeys(cell["model"] for cell in self.cells):
                self.models[name] = writers.submit(self.write_model, name)
            for cell in self.cells:
                pool.submit(self.measure_and_save, cell)

    def write_model(self, name: str) -> Path:
        """A model with random weights and Qwen3's tokenizer."""
        folder: Path = self.given.models / name
        command = [sys.executable, str(HERE / "random_models.py"), str(self.given.models), name]
        environment = build_environment("current", self.given.sites)
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        build_tokenizer(folder, "hybrid")
        name_experts(folder / "config.json")
        return folder

    def measure_and_save(self, cell: dict[str, Any]) -> None:
        """A line of the results; nothing where the time is over."""
        if time.monotonic() > self.deadline - 20:
            return
        began = time.monotonic()
        try:
            result = self.measure(cell)
        except Exception as problem:
            result = {"outcome": "failed", "error": f"{type(problem).__name__}: {problem}"[:600]}
        if result["outcome"] == "cut off":
            return
        line = {"id": cell["id"], **result, "jobs": self.given.jobs, "wall": round(time.monotonic() - began, 1)}
        line |= {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d"), "cap": cell.get("cap")}
        with ONE_LOCK, self.results.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")
            gib = f"{line.get('peak_allocated', 0) / 2**30:.2f} {line.get('peak_reserved', 0) / 2**30:.2f} GiB"
            told = str(line.get("error", ""))[:150]
            print(f"{cell['id']}: {line['outcome']} {gib} {line.get('seconds')} {told}", flush=True)

    def measure(self, cell: dict[str, Any]) -> dict[str, Any]:
        """What its process found."""
        model, folder, backend = self.models[cell["model"]].result(), self.out / "cells" / cell["id"], cell["backend"]
        recipe = write_recipe(cell, model, folder)
        try:
            with ONE_LOCK:
                compiled = self.compile(cell, recipe, folder / "compiled")
            write_files(folder / "compiled", compiled.files)
        except RecipeError as error:
            return {"outcome": "refused", "error": error.findings[0].message}
        case = {
            "backend": backend,
            "model": str(model),
            "folder": str(folder / "compiled"),
            "cwd": str(folder),
            "out": str(folder / "found.json"),
            "lock": str(self.out / "gpu.lock"),
            "cap": cell.get("cap"),
            "gpu": self.given.gpu,
            "quiet_cores": self.given.quiet_cores,
            "cell": cell,
        }
        (folder / "case.json").write_text(json.dumps(case), "utf-8")
        return self.run_meter(case, folder)

    def compile(self, cell: dict[str, Any], recipe: Path, folder: Path) -> CompiledRecipe:
        """The files of a cell's recipe."""
        return compile_recipe(load_recipe(str(recipe)), load_backend(cell["backend"]), folder)

    def run_meter(self, case: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Its process; what it saved is measured and deleted."""
        command = [sys.executable, str(HERE / "trainer_meter.py"), str(folder / "case.json")]
        limit = min(LIMIT_S, self.deadline + 15 - time.monotonic())
        environment = build_environment(case["backend"], self.given.sites, case["gpu"])
        with (folder / "log").open("w") as log:
            try:
                subprocess.run(
                    command,
                    env=environment | read_allocator(Path(case["folder"]) / "run.sh"),
                    stdout=log,
                    stderr=log,
                    timeout=limit,
                    cwd=folder,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return {"outcome": "time limit" if limit == LIMIT_S else "cut off"}
        found = Path(case["out"])
        tail = (folder / "log").read_text("utf-8", "replace")[-1500:]
        result: dict[str, Any] = {"outcome": "ended", "error": tail}
        if found.is_file():
            result = json.loads(found.read_text("utf-8"))
        if result["outcome"] == "failed":
            result["log"] = tail
        result["disk"] = measure_disk(folder / "trained")
        shutil.rmtree(folder / "trained", ignore_errors=True)
        return result


def name_experts(config: Path) -> None:
    """As in the released configs; transformers saves their number under another name."""
    text = json.loads(config.read_text("utf-8"))
    if "num_local_experts" in text:
        config.write_text(json.dumps({**text, "num_experts": text["num_local_experts"]}), "utf-8")


def measure_disk(folder: Path) -> dict[str, int]:
    """Bytes of what the run left: prepared rows, and all else."""
    sizes = {"rows": 0, "rest": 0}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sizes["rows" if "rows" in path.relative_to(folder).parts[:1] else "rest"] += path.stat().st_size
    return sizes


def leave_quiet_cores() -> list[int]:
    """Keep this process, and all that it starts, off the cores for the timed cell: the last of those it may use."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) <= 2 * QUIET_CORES:
        return []
    os.sched_setaffinity(0, cores[:-QUIET_CORES])
    return cores[-QUIET_CORES:]


def read_lines(file: Path | None) -> list[str]:
    """None of a file that is not there."""
    return file.read_text("utf-8").splitlines() if file and file.is_file() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=lambda text: Path(text).resolve())
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--models", type=lambda text: Path(text).resolve(), default=Path("/dev/shm/models"))
    parser.add_argument("--done", type=Path, help="results that are there already")
    parser.add_argument("--split", nargs="*")
    parser.add_argument("--only", nargs="*", help="words of the cells' names")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--gpu", type=int, default=0, help="for two at once, each with `taskset -c` of its own")
    given = parser.parse_args()
    given.quiet_cores = leave_quiet_cores()
    given.out.mkdir(parents=True, exist_ok=True)
    given.models.mkdir(parents=True, exist_ok=True)
    TrainerMeasurement(given).run()


if __name__ == "__main__":
    main()
