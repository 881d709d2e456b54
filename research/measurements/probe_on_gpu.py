"""In what trained weights are held at the trainer, where only a GPU shows it: the cells of gpu_trainer_cells.json.

    PYTHONPATH=. python research/measurements/probe_on_gpu.py OUT --sites FOLDER [--gpus N] [--jobs N]

Each cell is compiled on a small random model, launched by its run.sh, and stopped at its first step (trainer_hook/).
FOLDER holds the frameworks' packages, as offline_packages.py gathers them. Appends a JSON line a cell to
OUT/trained_dtypes.jsonl: what was `seen`, and whether it is as expected. Cells that stand there or in results/ already
and cells that want more than N GPUs are skipped; --jobs cells run at once, which changes no dtype.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import yaml
from memory_cell_recipes import write_model, write_rows
from run_on_gpu import create_environment

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe

HERE = Path(__file__).resolve().parent
CELLS = HERE / "gpu_trainer_cells.json"
LIMIT_S = 240
FIRST_PORT = 29600
ONE_PORT = Lock()
"""Held by the cells whose launcher always takes its default port: accelerate's."""
TRAINING = {"steps": 2, "batch_size": 4, "micro_batch_size": 1, "sequence_length": 256, "overlong": "truncate"}


def list_cells(gpus: int, results: Path) -> Iterator[dict[str, Any]]:
    """Every case on every backend that it names, where there are GPUs enough and `results` lacks it."""
    files = [file for file in (results, HERE / "results" / results.name) if file.is_file()]
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    done = {(one["name"], one["backend"]) for one in map(json.loads, lines)}
    for case in json.loads(CELLS.read_text("utf-8"))["cells"]:
        for backend in case["backends"] if case["gpus"] <= gpus else ():
            if (case["name"], backend) not in done:
                yield {**case, "backend": backend}


def hold_port(cell: dict[str, Any]) -> AbstractContextManager[Any]:
    """The lock of accelerate's port, where the cell is launched by it."""
    return ONE_PORT if (cell["backend"], cell["strategy"]) == ("llamafactory", "fsdp") else nullcontext()


def write_recipe(cell: dict[str, Any], out: Path, model: Path) -> Path:
    """OUT/cells/<name>-<backend>/recipe.yaml, with rows beside it."""
    folder = out / "cells" / f"{cell['name']}-{cell['backend']}"
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(16, 256, folder / "rows.jsonl")
    hardware = {"gpus": cell["gpus"], "strategy": cell["strategy"]}
    recipe = {"version": 1, "name": "cell", "model": str(model), "data": {"train": "rows.jsonl"}, "hardware": hardware}
    recipe |= {"method": cell["method"], "training": {**TRAINING, "weights_dtype": cell["weights_dtype"]}}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), "utf-8")
    return path


def launch_cell(cell: dict[str, Any], recipe: Path, environment: Path, port: int, gpus: int) -> dict[str, Any]:
    """What each process wrote, or why there is nothing. Raises nothing that a framework does."""
    folder, seen = recipe.parent / "compiled", recipe.parent / "dtypes"
    seen.mkdir(exist_ok=True)
    try:
        write_files(folder, compile_recipe(load_recipe(str(recipe)), load_backend(cell["backend"]), folder).files)
    except RecipeError as error:
        return {"refused": error.findings[0].message}
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(HERE / "trainer_hook"), "TRAINER_DTYPES": str(seen)}
    variables |= {"MASTER_PORT": str(port), "PET_MASTER_PORT": str(port)}
    if cell["gpus"] == 1:
        variables["CUDA_VISIBLE_DEVICES"] = str(port % gpus)
    try:
        done = subprocess.run(
            ["bash", folder / "run.sh"], env=variables, capture_output=True, text=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not at its trainer after {LIMIT_S} s"}
    ranks = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(seen.glob("rank*.json"))}
    return ranks or {"error": (done.stdout + done.stderr)[-6000:]}


def is_as_expected(cell: dict[str, Any], seen: dict[str, Any]) -> bool:
    """Whether every process updates weights of the one dtype that the recipe asks for."""
    ranks = [value for name, value in seen.items() if name.startswith("rank")]
    return bool(ranks) and all(set(rank["updated"]) == {cell["weights_dtype"]} for rank in ranks)


def probe_cell(cell: dict[str, Any], out: Path, model: Path, port: int, gpus: int) -> dict[str, Any]:
    """The cell with what was seen, as a line of the results."""
    with hold_port(cell):
        seen = launch_cell(cell, write_recipe(cell, out, model), out / "environments" / cell["backend"], port, gpus)
    return {**cell, "seen": seen, "as_expected": is_as_expected(cell, seen)}


def create_environments(out: Path, sites: Path) -> None:
    """One for each backend, where it is not there."""
    for backend in ("axolotl", "llamafactory", "ms-swift"):
        folder = out / "environments" / backend
        if not folder.is_dir():
            create_environment(folder, sites.resolve(), backend)


def main() -> None:
    """Probe the cells. Exits 1 where one is not as expected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sites", type=Path, required=True)
    parser.add_argument("--gpus", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    out = given.out.resolve()
    model = write_model("0.6B", out, dict(os.environ))
    create_environments(out, given.sites)
    results, wrong = out / "trained_dtypes.jsonl", 0
    cells = list(list_cells(given.gpus, results))
    with ThreadPoolExecutor(given.jobs) as pool:
        waiting = [
            pool.submit(probe_cell, cell, out, model, FIRST_PORT + number, given.gpus)
            for number, cell in enumerate(cells)
        ]
        for one in as_completed(waiting):
            line = one.result()
            wrong += not line["as_expected"]
            with results.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
            print(json.dumps(line)[:300], flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
