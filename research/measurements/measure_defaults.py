"""Measure the cells of default_cells.json on one GPU: speed and memory of our defaults and of settings by hand.

    python research/measurements/measure_defaults.py OUT --sites FOLDER [--workload 4B-lora …] [--only WORD …]
        [--done results/defaults.jsonl] [--repeats 2]

Appends a JSON line a run to OUT/trainers.jsonl, in the order of the list, and goes on where that file and --done end.
As measure_trainers.py, with which it shares its processes and its meter; cells start only while the bounds of all that
run fit the GPU together. Each line also has what the recipe was resolved to, and examples and tokens of a step.
`--repeats 2` runs the default and the best two settings by hand, as --done ranks them, twice more (-run2, -run3).
"""

from __future__ import annotations

import argparse
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure_trainers import TrainerMeasurement, leave_quiet_cores, read_lines
from speed_page import compute_rate

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import CompiledRecipe
from qwen_recipes.compile.compiler import compile_backend_recipe
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve.backend_recipe import BackendRecipe
from qwen_recipes.resolve.measured_lengths import with_lengths_to_lock

HERE = Path(__file__).resolve().parent
ROOM_GIB = 132.0
GPU, BEST = "h200", 2
RESOLVED = (
    *("packing", "pack_length", "batch_size", "micro_batch_size", "gradient_accumulation", "gradient_checkpointing"),
    *("attention", "liger", "lora_kernels", "examples_per_step", "tokens_per_step"),
)


class Room:
    """GiB of the GPU that running cells may take."""

    def __init__(self) -> None:
        self.left, self.changed = ROOM_GIB, threading.Condition()

    def take(self, size: float) -> None:
        """Wait until there are so many."""
        with self.changed:
            self.changed.wait_for(lambda: self.left >= size or self.left >= ROOM_GIB)
            self.left -= size

    def give_back(self, size: float) -> None:
        """Let others have them."""
        with self.changed:
            self.left += size
            self.changed.notify_all()


class DefaultMeasurement(TrainerMeasurement):
    """Cells in their order, each as often as is asked."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        listed = json.loads(arguments.cells.read_text("utf-8"))
        if arguments.repeats:
            listed = list_repeats(listed, [json.loads(line) for line in read_lines(arguments.done)], arguments.repeats)
        done = {json.loads(line)["id"] for file in (self.results, arguments.done) for line in read_lines(file)}
        hardware = {"gpu": GPU, "gpus": 1}
        named = [{**cell, "recipe": {"hardware": hardware, **cell["recipe"]}} for cell in listed]
        self.cells = [
            cell
            for cell in named
            if cell["id"] not in done
            and (not arguments.workload or cell["workload"] in arguments.workload)
            and (not arguments.only or any(word in cell["id"] for word in arguments.only))
        ]
        self.room, self.known = Room(), {}

    def run(self) -> None:
        """All of them, or until the time is over."""
        with ThreadPoolExecutor(2) as writers, ThreadPoolExecutor(self.given.jobs) as pool:
            for name in dict.fromkeys(cell["model"] for cell in self.cells):
                self.models[name] = writers.submit(self.write_model, name)
            for cell in self.cells:
                pool.submit(self.measure_and_save, cell)

    def compile(self, cell: dict[str, Any], recipe: Path, folder: Path) -> CompiledRecipe:
        """As `recipes compile` does, with the examples' lengths."""
        backend = load_backend(cell["backend"])
        loaded = with_lengths_to_lock(load_recipe(str(recipe)), backend)
        whole = BackendRecipe(loaded, backend)
        estimate, training = whole.estimate(get_gpu_model(GPU)), whole.plan.training
        self.known[cell["id"]] = {
            "resolved": {name: getattr(training, name) for name in RESOLVED},
            "bound": round(estimate.safe_peak),
            "predicted": round(estimate.peak),
            "predicted_step_seconds": round(estimate.step_seconds, 3),
        }
        return compile_backend_recipe(whole, folder)

    def run_meter(self, case: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Its process, once there is room for it."""
        known = self.known[case["cell"]["id"]]
        size = min(ROOM_GIB, known["bound"] / 2**30 + 1.0)
        self.room.take(size)
        try:
            return {**super().run_meter(case, folder), **known}
        finally:
            self.room.give_back(size)


def list_repeats(cells: list[dict[str, Any]], results: list[dict[str, Any]], repeats: int) -> list[dict[str, Any]]:
    """Of each workload and framework the default and the best two settings by hand, all of them once before twice."""
    rates = {result["id"]: compute_rate(result) for result in results}
    found: list[dict[str, Any]] = []
    for pair in dict.fromkeys((cell["workload"], cell["backend"]) for cell in cells):
        listed = [cell for cell in cells if (cell["workload"], cell["backend"]) == pair and rates.get(cell["id"])]
        found += [cell for cell in listed if cell["setting"] == "default"]
        by_hand = [cell for cell in listed if cell["setting"] not in ("default", "example")]
        found += sorted(by_hand, key=lambda cell: -rates[cell["id"]])[:BEST]
    return [{**cell, "id": f"{cell['id']}-run{run}"} for run in range(2, 2 + repeats) for cell in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--cells", type=lambda text: Path(text).resolve(), default=HERE / "default_cells.json")
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--models", type=lambda text: Path(text).resolve(), default=Path("/dev/shm/models"))
    parser.add_argument("--done", type=Path, help="results that are there already")
    parser.add_argument("--workload", nargs="*")
    parser.add_argument("--only", nargs="*", help="words of the cells' names")
    parser.add_argument("--repeats", type=int, default=0, help="so many more runs of the default and the best two")
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--gpu", type=int, default=0, help="for two at once, each with `taskset -c` of its own")
    given = parser.parse_args()
    given.split, given.quiet_cores = None, leave_quiet_cores()
    given.out.mkdir(parents=True, exist_ok=True)
    given.models.mkdir(parents=True, exist_ok=True)
    DefaultMeasurement(given).run()


if __name__ == "__main__":
    main()
