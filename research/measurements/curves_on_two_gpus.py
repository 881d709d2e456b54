"""The curve of one recipe on one GPU and on two, in each framework: what spreading a step over GPUs does to its loss.

    PYTHONPATH=. python research/measurements/curves_on_two_gpus.py OUT --sites FOLDER [--backend trl]
        [--curve sft-full dpo-full] [--strategy ddp zero2 zero3 fsdp] [--jobs 8] [--minutes 9]

The tiny model of research/curves in float32, 24 steps: on one GPU twice the micro-batches of each of two. TRL makes a
new adapter where others start from one. FOLDER holds the frameworks' packages, as offline_packages.py gathers them.
Appends a JSON line a curve, framework and strategy to OUT/two_gpus.jsonl: both runs' losses, their largest difference,
and the same of the weights that were saved, as transformers or PEFT loads them (saved_weights.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from run_on_gpu import create_environment

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from research.curves.curve_recipes import ADAPTER, BACKENDS, CURVES, IN_ORDER
from research.curves.run_curves import StartingPoint, make_starting_point

HERE = Path(__file__).resolve().parent
STEPS, LIMIT_S, FIRST_PORT = 24, 240, 29400
STRATEGIES = ("ddp", "zero2", "zero3", "fsdp")
ON_GPU = {"precision": "fp32", "tf32": False, "kernels": "none", "attention": "sdpa", "save_every": STEPS}
ONE_COMPILER = threading.Lock()
PORTS = count(FIRST_PORT)


class Cell(NamedTuple):
    """What is trained: a curve's recipe by a framework; `single` is one GPU, each other strategy two."""

    curve: str
    backend: str
    strategy: str


class Trained(NamedTuple):
    """Losses by step, and the folder with the weights that were saved."""

    losses: list[float]
    weights: Path


@dataclass
class TwoGpuCurves:
    """Cells that train beside each other."""

    out: Path
    sites: Path
    start: StartingPoint
    deadline: float

    def compile_cell(self, cell: Cell) -> Path:
        """The cell's folder, with `compiled`; in the order of the file. Raises RecipeError where it is refused."""
        folder = self.out / "-".join(cell)
        curve = CURVES[cell.curve]
        recipe = replace(curve, training={**curve.training, **ON_GPU}, steps=STEPS)
        hardware = {"gpus": 1 if cell.strategy == "single" else 2, "strategy": cell.strategy}
        file = recipe.write(folder / "recipe", self.start.model, self.start.adapter, hardware)
        if curve.adapter and cell.backend not in curve.backends:
            give_new_adapter(file)
        compiled = folder / "compiled"
        with ONE_COMPILER:
            loaded = load_recipe(str(file), (f"output.dir={folder / 'out'}",))
            write_files(compiled, compile_recipe(loaded, load_backend(cell.backend), compiled).files)
        edit_file(compiled / "train.yaml", IN_ORDER[cell.backend])
        return folder

    def train(self, cell: Cell) -> Trained:
        """run.sh to its end. Raises RuntimeError with the end of the log where there are no losses."""
        folder, port = self.compile_cell(cell), next(PORTS)
        if (folder / "compiled" / "accelerate.yaml").is_file():
            edit_file(folder / "compiled" / "accelerate.yaml", {"main_process_port": port})
        done = self.run_script(cell, folder, port)
        states = sorted((folder / "out").rglob("trainer_state.json"))
        if not states:
            raise RuntimeError(done[-2000:])
        log = json.loads(states[-1].read_text("utf-8"))["log_history"]
        saved = (folder / "out", states[-1].parent)
        weights = next((place for place in saved if list(place.glob("*.safetensors"))), saved[0])
        return Trained([entry["loss"] for entry in log if "loss" in entry], weights)

    def run_script(self, cell: Cell, folder: Path, port: int) -> str:
        """What the cell's run.sh said. Raises RuntimeError with it where it ends with an error or at its limit."""
        python, log = self.get_python(cell.backend), folder / "log"
        variables = {"OMP_NUM_THREADS": "2", **os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
        variables |= {"MASTER_PORT": str(port), "PET_MASTER_PORT": str(port)}
        variables.pop("PYTHONPATH", None)  # it leads to other versions than the framework's
        limit = max(20, min(LIMIT_S, int(self.deadline - time.monotonic())))
        command = ["timeout", "-k", "5", str(limit), "bash", str(folder / "compiled" / "run.sh")]
        with log.open("w") as file:
            code = subprocess.run(command, env=variables, stdout=file, stderr=file, check=False).returncode
        said = log.read_text("utf-8", "replace")
        if code:
            ended = f"not trained after {limit} s" if code == 124 else f"exit {code}"
            raise RuntimeError(f"{ended}: {said[-2500:]}")
        return said

    def get_python(self, backend: str) -> Path:
        """The interpreter of the framework's environment, which is made where it is not there."""
        environment = self.out / "environments" / backend
        with ONE_COMPILER:
            if not environment.is_dir():
                create_environment(environment, self.sites, backend)
        return environment / "bin" / "python"

    def compare(self, cell: Cell, one: Future[Trained], two: Future[Trained]) -> dict[str, Any]:
        """Both runs, and the largest differences of a step's loss and of a saved weight."""
        try:
            single, double = one.result(), two.result()
        except RecipeError as error:
            return {"refused": error.findings[0].message}
        except RuntimeError as error:
            return {"error": str(error)}
        pairs = zip(single.losses, double.losses, strict=True)
        found: dict[str, Any] = {
            "one": single.losses,
            "two": double.losses,
            "largest": max(abs(a - b) for a, b in pairs),
        }
        return found | {"weights": self.compare_weights(cell, single.weights, double.weights)}

    def compare_weights(self, cell: Cell, one: Path, two: Path) -> dict[str, Any]:
        """What saved_weights.py says of both folders, in the framework's environment."""
        command = [self.get_python(cell.backend), HERE / "saved_weights.py", self.start.model, one, two]
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"error": done.stderr[-1500:]}


def give_new_adapter(recipe: Path) -> None:
    """An adapter of the same shape in place of the one to start from."""
    edit_file(recipe, {"method": {"type": "lora", "rank": ADAPTER["r"], "alpha": ADAPTER["lora_alpha"]}})


def edit_file(file: Path, keys: dict[str, Any]) -> None:
    """Set keys of a YAML file."""
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text("utf-8")), **keys}), "utf-8")


def list_cells(options: argparse.Namespace) -> list[Cell]:
    """Each framework's curves by each strategy."""
    return [
        Cell(curve, backend, strategy)
        for backend in options.backend or BACKENDS
        for curve in options.curve or ("sft-full", "sft-adapter")
        for strategy in options.strategy
    ]


def main() -> None:
    """Train every curve in every framework."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--backend", choices=BACKENDS, nargs="+", help="All where left out.")
    parser.add_argument("--curve", choices=CURVES, nargs="+", help="Those of SFT where left out.")
    parser.add_argument("--strategy", choices=STRATEGIES, nargs="+", default=["ddp"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600)
    options = parser.parse_args()
    deadline = time.monotonic() + options.minutes * 60
    options.out.mkdir(parents=True, exist_ok=True)
    cells = list_cells(options)
    environment = options.out / "environments" / cells[0].backend
    if not environment.is_dir():
        create_environment(environment, options.sites, cells[0].backend)
    start = make_starting_point(options.out, environment / "bin" / "python")
    runs = TwoGpuCurves(options.out, options.sites, start, deadline)
    with ThreadPoolExecutor(options.jobs) as pool:
        singles = {cell[:2]: cell._replace(strategy="single") for cell in cells}
        ones = {key: pool.submit(runs.train, cell) for key, cell in singles.items()}
        twos = {cell: pool.submit(runs.train, cell) for cell in cells}
        for cell in cells:
            line = json.dumps(cell._asdict() | runs.compare(cell, ones[cell[:2]], twos[cell]))
            with (options.out / "two_gpus.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(line + "\n")
            print(line[:2000], flush=True)


if __name__ == "__main__":
    main()
