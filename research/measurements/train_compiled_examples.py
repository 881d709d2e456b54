"""Compile the examples for two GPUs through `recipes compile`, and train each a few steps with its own run.sh.

    python research/measurements/train_compiled_examples.py OUT --sites FOLDER [--only WORD …] [--minutes 9]

The model has Qwen3-0.6B's widths, 4 of its layers, random weights and Qwen3's tokenizer; lengths and batch are cut.
Everything else is as the example says. Appends one JSON line a run to OUT/compiled.jsonl, and goes on where that ends.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml
from strategy_cells import GRID_MODEL

from qwen_recipes.qwen.tokenizer import build_tokenizer

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
RECIPES = "from qwen_recipes.cli import main; main()"
LIMIT_S = 120
STEPS = 8
NAMES = ("two-gpus-lora", "qlora-fsdp-32b", "full-eight-gpus", "full-zero3")
BACKENDS = ("llamafactory", "ms-swift", "axolotl")
COMMANDS = {
    "python": "",
    "llamafactory-cli": "from llamafactory.cli import main",
    "swift": "from swift.cli.main import cli_main as main",
    "axolotl": "from axolotl.cli.main import main",
    "torchrun": "from torch.distributed.run import main",
    "accelerate": "from accelerate.commands.accelerate_cli import main",
    "unsloth": "from unsloth_cli import app as main",
}
PACKAGES = ("torch", "transformers", "peft", "accelerate", "deepspeed", "bitsandbytes", "trl")
LOSS = re.compile(r"""['"]loss['"]: ['"]?([0-9.]+)""")


def write_recipe(name: str, backend: str, model: Path, out: Path) -> Path:
    """The example, small: written as OUT/recipes/<name>-<backend>.yaml."""
    text = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text("utf-8"))
    for split, rows in text["data"].items():
        text["data"][split] = str(EXAMPLES / rows) if isinstance(rows, str) else rows
    training = {**text.get("training", {}), "sequence_length": 1024, "batch_size": 8}
    for word in ("epochs", "evaluate_every"):
        training.pop(word, None)
    text["training"] = training | {"steps": STEPS, "log_every": 1, "save_every": STEPS}
    text |= {"model": str(model), "name": name, "output": {"dir": str(out / "trained" / f"{name}-{backend}")}}
    text["hardware"] |= {"gpus": 2, "gpu": "h100"}
    path = out / "recipes" / f"{name}-{backend}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(text, sort_keys=False), "utf-8")
    return path


def write_commands(folder: Path, python: str = sys.executable) -> None:
    """What an environment's bin folder would hold."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, imported in COMMANDS.items():
        if (folder / name).is_symlink():
            continue
        code = f"-c \"import sys; {imported}; sys.argv[0] = '{name}'; sys.exit(main())\" " if imported else ""
        (folder / name).write_text(f'#!/bin/sh\nexec {python} {code}"$@"\n', "utf-8")
        (folder / name).chmod(0o755)


class CompiledRuns:
    """Examples times backends."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.out: Path = arguments.out
        self.model = self.out / "models" / GRID_MODEL
        self.results = self.out / "compiled.jsonl"
        self.deadline = time.monotonic() + arguments.minutes * 60
        self.lock = threading.Lock()
        done = {json.loads(line)["key"] for line in self.read_lines()}
        pairs = [(name, backend) for name in NAMES for backend in BACKENDS]
        only: list[str] = arguments.only
        self.pending = [
            p for p in pairs if " ".join(p) not in done and (not only or any(w in " ".join(p) for w in only))
        ]

    def read_lines(self) -> list[str]:
        return self.results.read_text("utf-8").splitlines() if self.results.is_file() else []

    def build_environment(self, backend: str) -> dict[str, str]:
        sites: Path | None = self.arguments.sites
        folders = [HERE.parent.parent, *((sites / part for part in (backend, "current", "recipes")) if sites else ())]
        path = os.pathsep.join(map(str, folders))
        own = {"PYTHONPATH": path, "PATH": f"{self.out / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return {**os.environ, **own, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "4", **choose_ports(backend)}

    def prepare_runs(self) -> None:
        """Model, tokenizer, commands, recipes, and what they compile to."""
        write_commands(self.out / "bin")
        subprocess.run(
            [sys.executable, str(HERE / "random_models.py"), str(self.out / "models"), GRID_MODEL],
            check=True,
            env=self.build_environment("current"),
        )
        build_tokenizer(self.model, "hybrid")
        for name, backend in self.pending:
            path = write_recipe(name, backend, self.model, self.out)
            command = [sys.executable, "-c", RECIPES, "compile", str(path), "--backend", backend, "--force", "--quiet"]
            where = ["-o", str(self.out / "compiled" / name)]
            subprocess.run([*command, *where], check=True, env=self.build_environment("recipes"))

    def run(self) -> None:
        """The backends beside each other, each one's examples in turn."""
        threads = [threading.Thread(target=self.run_backend, args=(backend,)) for backend in BACKENDS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run_backend(self, backend: str) -> None:
        for name in [name for name, other in self.pending if other == backend]:
            if time.monotonic() > self.deadline - 30:
                return
            environment = self.build_environment(backend)
            result = self.run_example(name, backend, environment)
            with self.lock, self.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
                shown = {k: v for k, v in result.items() if k not in ("log", "versions")}
                print(json.dumps(shown), flush=True)

    def run_example(self, name: str, backend: str, environment: dict[str, str]) -> dict[str, Any]:
        """One run.sh, from start to end or to its limit."""
        script = self.out / "compiled" / name / backend / "run.sh"
        log = self.out / "logs" / f"{name}-{backend}.log"
        log.parent.mkdir(exist_ok=True)
        start = time.monotonic()
        with log.open("w") as file:
            process = subprocess.Popen(
                ["bash", str(script)], env=environment, stdout=file, stderr=file, start_new_session=True
            )
            try:
                code: int | None = process.wait(min(LIMIT_S, max(self.deadline - start, 20)))
            except subprocess.TimeoutExpired:
                code = None
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        text = log.read_text("utf-8", "replace")
        losses = [float(found) for found in LOSS.findall(text)]
        outcome = "time limit" if code is None else "trained" if code == 0 and len(losses) >= STEPS else "failed"
        record: dict[str, Any] = {
            "key": f"{name} {backend}",
            "example": name,
            "backend": backend,
            "outcome": outcome,
            "exit": code,
            "losses": losses,
            "seconds": round(time.monotonic() - start, 1),
            "versions": read_versions(environment),
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        }
        return record if outcome == "trained" else record | {"log": text[-4000:]}


def choose_ports(backend: str) -> dict[str, str]:
    """Runs beside each other need their own; accelerate's launcher takes 29500 whatever is said."""
    port = str(29100 + BACKENDS.index(backend) if backend in BACKENDS else 29099)
    return {"MASTER_PORT": port, "PET_MASTER_PORT": port}


def read_versions(environment: dict[str, str]) -> dict[str, str]:
    """Of the packages on the run's path; the first found is the one that is imported."""
    paths = [*environment["PYTHONPATH"].split(os.pathsep), *sys.path]
    found: dict[str, str] = {}
    for distribution in distributions(path=paths):
        name = distribution.metadata["Name"].lower().replace("_", "-")
        if name in (*PACKAGES, *BACKENDS):
            found.setdefault(name, distribution.version)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve())
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--only", nargs="*", default=[])
    runs = CompiledRuns(parser.parse_args())
    runs.out.mkdir(parents=True, exist_ok=True)
    runs.prepare_runs()
    runs.run()


if __name__ == "__main__":
    main()
