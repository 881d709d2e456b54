"""In what trained weights are held at the trainer, where only a GPU shows it: the cells of gpu_trainer_cells.json.

    PYTHONPATH=. python research/measurements/probe_on_gpu.py OUT --sites FOLDER [--gpus N]

Each cell is compiled on a small random model, launched by its run.sh, and stopped at its first step (trainer_hook/).
FOLDER holds the frameworks' packages, as offline_packages.py gathers them. Appends a JSON line a cell to
OUT/trained_dtypes.jsonl: `seen`, `expected`, and whether they agree; cells that want more than N GPUs are passed over.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
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
TRAINING = {"steps": 2, "batch_size": 4, "micro_batch_size": 1, "sequence_length": 256, "overlong": "truncate"}


def list_cells(gpus: int) -> Iterator[dict[str, Any]]:
    """Every case on every backend that it names, where there are GPUs enough."""
    for case in json.loads(CELLS.read_text("utf-8"))["cells"]:
        if case["gpus"] <= gpus:
            yield from ({**case, "backend": backend} for backend in case["backends"])


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


def launch_cell(cell: dict[str, Any], recipe: Path, environment: Path) -> dict[str, Any]:
    """What each process wrote, or why there is nothing. Raises nothing that a framework does."""
    folder, seen = recipe.parent / "compiled", recipe.parent / "dtypes"
    seen.mkdir(exist_ok=True)
    try:
        write_files(folder, compile_recipe(load_recipe(str(recipe)), load_backend(cell["backend"]), folder).files)
    except RecipeError as error:
        return {"refused": error.findings[0].message}
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(HERE / "trainer_hook"), "TRAINER_DTYPES": str(seen)}
    try:
        done = subprocess.run(
            ["bash", folder / "run.sh"], env=variables, capture_output=True, text=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not at its trainer after {LIMIT_S} s"}
    ranks = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(seen.glob("rank*.json"))}
    return ranks or {"error": (done.stdout + done.stderr)[-2000:]}


def is_as_expected(cell: dict[str, Any], seen: dict[str, Any]) -> bool:
    """Whether every process updates weights of the one dtype that the recipe asks for."""
    ranks = [value for name, value in seen.items() if name.startswith("rank")]
    return bool(ranks) and all(set(rank["updated"]) == {cell["weights_dtype"]} for rank in ranks)


def main() -> None:
    """Probe the cells. Exits 1 where one is not as expected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sites", type=Path, required=True)
    parser.add_argument("--gpus", type=int, default=1)
    given = parser.parse_args()
    out = given.out.resolve()
    model = write_model("0.6B", out, dict(os.environ))
    wrong = 0
    for cell in list_cells(given.gpus):
        environment = out / "environments" / cell["backend"]
        if not environment.is_dir():
            create_environment(environment, given.sites.resolve(), cell["backend"])
        seen = launch_cell(cell, write_recipe(cell, out, model), environment)
        agrees = is_as_expected(cell, seen)
        wrong += not agrees
        line = json.dumps({**cell, "seen": seen, "as_expected": agrees})
        with (out / "trained_dtypes.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")
        print(line, flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
