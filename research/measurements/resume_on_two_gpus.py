"""On two GPUs: a run that resumes from its checkpoint against the same run left alone, by method and strategy.

    python research/measurements/resume_on_two_gpus.py OUT --sites FOLDER [--at-once 5] [--minutes 8]

`recipes run`, then its output as a kill leaves it, then `recipes run --resume`: 8 steps, from the checkpoint of the
fourth. The model has Qwen3-0.6B's widths and 4 of its layers, random weights. Appends one JSON line a cell to
OUT/resumed.jsonl: the losses of both, their largest difference, and how far two uninterrupted runs are apart.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from memory_cell_recipes import write_model
from run_on_gpu import create_environment
from strategy_cells import GRID_MODEL
from train_compiled_examples import EXAMPLES, RECIPES

from research.faults.simulated_kill import simulate_kill

HERE = Path(__file__).resolve().parent
STEPS, RESUME_STEP, LIMIT_S = 8, 4, 150
CELLS = [
    (method, strategy, backend)
    for method, strategy in (("full", "zero3"), ("lora", "fsdp"), ("lora", "ddp"), ("full", "fsdp"), ("full", "zero2"))
    for backend in ("llamafactory", "ms-swift", "axolotl", "trl")
]
PORT_LOCK = threading.Lock()
"""accelerate's launcher takes 29500 whatever is said."""


def write_recipe(cell: tuple[str, str, str], name: str, model: Path, environment_folder: Path, root: Path) -> Path:
    """What a person would write; its output is ROOT/<name>."""
    method, strategy, backend = cell
    text = {
        "version": 1,
        "name": "sharded",
        "model": str(model),
        "data": {"train": str(EXAMPLES / "data" / "support.jsonl")},
        "method": {"type": "lora", "rank": 8, "dropout": 0.1} if method == "lora" else method,
        "training": {"steps": STEPS, "batch_size": 8, "micro_batch_size": 2, "sequence_length": 512, "log_every": 1}
        | {"save_every": RESUME_STEP, "keep_checkpoints": 3, "learning_rate": 1e-3 if method == "lora" else 2e-5},
        "hardware": {"gpus": 2, "strategy": strategy},
        "output": {"dir": str(root / name)},
        "run": {"backend": backend, "environment": str(environment_folder)},
    }
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    path = root / f"{name}.yaml"
    path.write_text(yaml.safe_dump(text, sort_keys=False), "utf-8")
    return path


def read_losses(output: Path) -> dict[int, float]:
    """By step, as the trainer's last state has them."""
    state = json.loads((output / f"checkpoint-{STEPS}" / "trainer_state.json").read_text("utf-8"))
    return {entry["step"]: entry["loss"] for entry in state["log_history"] if "loss" in entry}


def run_recipe(file: Path, env: dict[str, str], *arguments: str) -> None:
    """`recipes run`; raises RuntimeError with what it said."""
    compiled = ["-o", f"{file.parent}/compiled-{file.stem}", "--force"]
    command = [sys.executable, "-c", RECIPES, "run", str(file), *compiled, *arguments]
    done = subprocess.run(command, env=env, cwd=file.parent, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {(done.stdout + done.stderr)[-3000:]}")


def compare_resumed(
    cell: tuple[str, str, str], number: int, arguments: argparse.Namespace, model: Path
) -> dict[str, Any]:
    """Two whole runs, and one that goes on."""
    root, sites = arguments.out / "-".join(cell), arguments.sites
    place = create_environment(root / "environment", sites, cell[2])
    path = os.pathsep.join(map(str, [HERE.parent.parent, sites / "recipes", sites / "current"]))
    env = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    env |= {"MASTER_PORT": str(29100 + number), "PET_MASTER_PORT": str(29100 + number)}
    told = dict(zip(("method", "strategy", "backend"), cell, strict=True))
    told["date"] = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    try:
        with PORT_LOCK if cell[1:] == ("fsdp", "llamafactory") else nullcontext():
            run_recipe(write_recipe(cell, "whole", model, place, root), env)
            file = write_recipe(cell, "hurt", model, place, root)
            simulate_kill(root / "hurt", root / "whole", RESUME_STEP)
            run_recipe(file, env, "--resume")
            run_recipe(write_recipe(cell, "again", model, place, root), env)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return told | {"outcome": "failed", "said": str(error)}
    whole, hurt, again = (read_losses(root / name) for name in ("whole", "hurt", "again"))
    record = json.loads((root / "hurt" / "run.json").read_text("utf-8"))
    shutil.rmtree(root)
    return told | {
        "outcome": record["status"],
        "resumed_from": record["resumed_from"],
        "whole": whole,
        "resumed": hurt,
        "worst": max(abs(whole[step] - hurt[step]) for step in whole),
        "between_whole_runs": max(abs(whole[step] - again[step]) for step in whole),
        "gpu": record["gpus"][0]["name"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--at-once", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", nargs="*", default=[], help="cells with one of these words")
    arguments = parser.parse_args()
    ends, lock = time.monotonic() + 60 * arguments.minutes, threading.Lock()
    path = os.pathsep.join(map(str, [HERE.parent.parent, arguments.sites / "recipes", arguments.sites / "current"]))
    model = write_model(GRID_MODEL, arguments.out, {**os.environ, "PYTHONPATH": path})

    def work(numbered: tuple[int, tuple[str, str, str]]) -> None:
        if time.monotonic() > ends:
            return
        found = compare_resumed(numbered[1], numbered[0], arguments, model)
        with lock, (arguments.out / "resumed.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
            print(json.dumps(found), flush=True)

    with ThreadPoolExecutor(arguments.at_once) as pool:
        wanted = [
            cell for cell in CELLS if not arguments.only or any(word in " ".join(cell) for word in arguments.only)
        ]
        list(pool.map(work, enumerate(wanted)))


if __name__ == "__main__":
    main()
