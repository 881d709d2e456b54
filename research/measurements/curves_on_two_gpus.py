"""The curve of one recipe on one GPU and on two, in each framework: what averaging over GPUs does to a step's loss.

    PYTHONPATH=. python research/measurements/curves_on_two_gpus.py OUT --sites FOLDER

The tiny model of research/curves in float32, 24 steps of 8 examples: 4 micro-batches of 2 on one GPU, 2 on each of two.
FOLDER holds the frameworks' packages, as offline_packages.py gathers them. Appends a JSON line a curve and framework to
OUT/two_gpus.jsonl: both runs' losses, and their largest difference.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from run_on_gpu import create_environment

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from research.curves.curve_recipes import BACKENDS, CURVES, IN_ORDER
from research.curves.run_curves import StartingPoint, make_starting_point

STEPS, LIMIT_S = 24, 240
NAMES = ("sft-full", "sft-adapter")
ON_GPU = {"precision": "fp32", "tf32": False, "kernels": "none", "attention": "sdpa", "save_every": STEPS}


def train(name: str, backend: str, gpus: int, out: Path, python: Path, start: StartingPoint) -> list[float]:
    """Losses by step. Raises RuntimeError with the end of the log where there are none."""
    folder = out / f"{name}-{backend}-{gpus}"
    recipe = replace(CURVES[name], training={**CURVES[name].training, **ON_GPU}, steps=STEPS)
    hardware = {"gpus": gpus, "strategy": "ddp" if gpus > 1 else "single"}
    file = recipe.write(folder / "recipe", start.model, start.adapter, hardware)
    loaded = load_recipe(str(file), (f"output.dir={folder / 'out'}",))
    compiled = folder / "compiled"
    write_files(compiled, compile_recipe(loaded, load_backend(backend), compiled).files)
    config = compiled / "train.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text("utf-8")), **IN_ORDER[backend]}), "utf-8")
    variables = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)  # it leads to other versions than the framework's
    try:
        done = subprocess.run(
            ["bash", compiled / "run.sh"], env=variables, capture_output=True, text=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f"not trained after {LIMIT_S} s") from late
    states = sorted((folder / "out").rglob("trainer_state.json"))
    if not states:
        raise RuntimeError((done.stdout + done.stderr)[-2000:])
    log = json.loads(states[-1].read_text("utf-8"))["log_history"]
    return [entry["loss"] for entry in log if "loss" in entry]


def compare(name: str, backend: str, out: Path, python: Path, start: StartingPoint) -> dict[str, Any]:
    """Both runs, and the largest difference of a step's loss."""
    try:
        one, two = (train(name, backend, gpus, out, python, start) for gpus in (1, 2))
    except (RuntimeError, RecipeError) as error:
        return {"error": str(error)}
    return {"one": one, "two": two, "largest": max(abs(a - b) for a, b in zip(one, two, strict=True))}


def main() -> None:
    """Train every curve in every framework."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sites", type=Path, required=True)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="All where left out.")
    parser.add_argument("--curve", choices=NAMES, action="append", help="Both where left out.")
    given = parser.parse_args()
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    start = None
    for backend in given.backend or BACKENDS:
        environment = out / "environments" / backend
        if not environment.is_dir():
            create_environment(environment, given.sites.resolve(), backend)
        python = environment / "bin" / "python"
        start = start or make_starting_point(out, python)
        for name in given.curve or NAMES:
            line = json.dumps({"curve": name, "backend": backend, **compare(name, backend, out, python, start)})
            with (out / "two_gpus.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(line + "\n")
            print(line[:2000], flush=True)


if __name__ == "__main__":
    main()
