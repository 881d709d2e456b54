"""`unsloth train` on one GPU: examples/unsloth.yaml, compiled, by its own run.sh; and the same recipe by TRL.

    PYTHONPATH=. python research/measurements/train_unsloth.py OUT --sites FOLDER [--jobs 4] [--minutes 5]

Once with `lora`, once with `qlora`. The model has Qwen3-0.6B's widths, 4 of its layers, random weights and the
tokenizer of Qwen3-4B-Instruct-2507; it is a folder, so the base that Unsloth publishes in 4 bits is not tried, and
Unsloth quantizes the folder's weights itself. Everything else is as the example says. FOLDER holds the packages, as
offline_packages.py gathers them. Appends a JSON line a run to OUT/unsloth.jsonl: losses by step, peaks of memory in
bytes (trainer_hook), seconds, what was saved and whether PEFT loads it, versions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml
from run_on_gpu import create_environment
from strategy_cells import GRID_MODEL

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.qwen.tokenizer import build_tokenizer
from qwen_recipes.recipe.load import load_recipe

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
RUNS = [(method, backend) for method in ("lora", "qlora") for backend in ("unsloth", "trl")]
LIMIT_S = 280
VARIANT, LIKE = "instruct-2507", "Qwen/Qwen3-4B-Instruct-2507"
PACKAGES = ("torch", "unsloth", "unsloth-zoo", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "triton")
ONE_LOCK = threading.Lock()


def write_model(folder: Path, sites: Path) -> Path:
    """Random weights and the tokenizer, in FOLDER/<name>."""
    model = folder / GRID_MODEL
    paths = [HERE.parents[1], *(sites / part for part in ("current", "recipes"))]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, str(HERE / "random_models.py"), str(folder), GRID_MODEL]
    subprocess.run(command, check=True, env=variables, stdout=subprocess.DEVNULL)
    build_tokenizer(model, VARIANT)
    return model


def write_recipe(method: str, backend: str, model: Path, folder: Path) -> Path:
    """The example in `folder`, of another model, method, framework and GPU."""
    text = yaml.safe_load((EXAMPLES / "unsloth.yaml").read_text("utf-8"))
    text |= {"model": {"id": str(model), "like": LIKE}, "method": method, "name": f"{backend}-{method}"}
    text |= {"data": {"train": str(EXAMPLES / text["data"]["train"])}, "hardware": {"gpu": "h200", "gpus": 1}}
    text |= {"output": {"dir": str(folder / "out")}, "run": {"backend": backend, "environment": "current"}}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(text, sort_keys=False), "utf-8")
    return path


class UnslothRuns:
    """Runs beside each other on one GPU."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.out, self.sites = options.out, options.sites
        self.deadline = time.monotonic() + options.minutes * 60
        self.model = write_model(self.out / "models", self.sites)
        for backend in dict.fromkeys(backend for _, backend in RUNS):
            if not (self.out / "environments" / backend).is_dir():
                create_environment(self.out / "environments" / backend, self.sites, backend)

    def get_python(self, backend: str) -> Path:
        """The interpreter of its environment."""
        return self.out / "environments" / backend / "bin" / "python"

    def train_and_save(self, method: str, backend: str) -> None:
        """A line of the results."""
        began, line = time.monotonic(), {"method": method, "backend": backend}
        try:
            line |= self.train(method, backend)
        except Exception as problem:
            line |= {"outcome": "failed", "error": f"{type(problem).__name__}: {problem}"[:2000]}
        line |= {"seconds": round(time.monotonic() - began, 1), "versions": self.read_versions(backend)}
        line["date"] = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        with ONE_LOCK, (self.out / "unsloth.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")
            print(json.dumps(line)[:1500], flush=True)

    def train(self, method: str, backend: str) -> dict[str, Any]:
        """run.sh to its end."""
        folder = self.out / f"{backend}-{method}"
        recipe = write_recipe(method, backend, self.model, folder)
        with ONE_LOCK:
            compiled = compile_recipe(load_recipe(str(recipe)), load_backend(backend), folder / "compiled")
        write_files(folder / "compiled", compiled.files)
        peaks = folder / "peaks"
        peaks.mkdir(exist_ok=True)
        code = self.run_script(folder, self.get_python(backend), peaks)
        seen = peaks / "rank0.json"
        found = json.loads(seen.read_text("utf-8")) if seen.is_file() else {}
        found |= {"outcome": "trained" if code == 0 and found else "failed", "exit": code}
        found |= self.describe_saved(folder / "out", backend)
        return found if code == 0 else found | {"error": (folder / "log").read_text("utf-8", "replace")[-4000:]}

    def run_script(self, folder: Path, python: Path, peaks: Path) -> int:
        """Its exit code; 124 where it was stopped at its limit."""
        variables = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
        variables |= {"PYTHONPATH": str(HERE / "trainer_hook"), "TRAINER_MEMORY": str(peaks), "HF_HUB_OFFLINE": "1"}
        variables |= {"HF_HOME": str(folder / "hub"), "OMP_NUM_THREADS": "2", "PYTHONUNBUFFERED": "1"}
        limit = max(20, min(LIMIT_S, int(self.deadline - time.monotonic())))
        command = ["timeout", "-k", "5", str(limit), "bash", str(folder / "compiled" / "run.sh")]
        with (folder / "log").open("w") as log:
            return subprocess.run(command, env=variables, stdout=log, stderr=log, check=False).returncode

    def describe_saved(self, out: Path, backend: str) -> dict[str, Any]:
        """Files beside the adapter, its config, whether its template is the official one, and what PEFT loads."""
        saved = out / "adapter_config.json"
        if not saved.is_file():
            return {"saved": []}
        told = json.loads(saved.read_text("utf-8"))
        template = [out / "chat_template.jinja", out / "rows" / "chat_template.jinja"]
        texts = [file.read_text("utf-8") if file.is_file() else "" for file in template]
        return {
            "saved": sorted(file.name for file in out.iterdir() if file.is_file()),
            "adapter": {key: told.get(key) for key in ("r", "lora_alpha", "lora_dropout", "base_model_name_or_path")},
            "official_template": bool(texts[0]) and texts[0] == texts[1],
            "weights": self.load_weights(out, backend),
        }

    def load_weights(self, out: Path, backend: str) -> dict[str, Any]:
        """What saved_weights.py says of it, by TRL's environment: Unsloth is not needed to load its adapter."""
        command = [self.get_python("trl"), HERE / "saved_weights.py", self.model, out, out]
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"error": done.stderr[-1500:]}

    def read_versions(self, backend: str) -> dict[str, str]:
        """Of the packages that its environment imports."""
        found: dict[str, str] = {}
        for one in distributions(path=[str(self.sites / backend), str(self.sites / "current"), *sys.path]):
            name = one.metadata["Name"].lower().replace("_", "-")
            if name in PACKAGES:
                found.setdefault(name, one.version)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=5)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    runs = UnslothRuns(options)
    with ThreadPoolExecutor(options.jobs) as pool:
        for method, backend in RUNS:
            pool.submit(runs.train_and_save, method, backend)


if __name__ == "__main__":
    main()
