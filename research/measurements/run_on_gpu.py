"""`recipes run` on a real GPU: a run that trains, one that is refused because it does not fit, one that runs out.

    python research/measurements/run_on_gpu.py OUT --sites FOLDER

LLaMA-Factory, random weights. Writes what each command said, its exit code and what its record holds to
OUT/first_run.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from memory_cell_recipes import RECIPES, write_model, write_rows
from train_compiled_examples import write_commands

HERE = Path(__file__).resolve().parent
RECORD_FIELDS = (
    "status",
    "exit_code",
    "steps",
    "seconds",
    "first_loss",
    "last_loss",
    "gpus",
    "metrics",
    "planned",
    "cause",
)
RUNS: dict[str, dict[str, Any]] = {
    "trains": {"size": "0.6B", "method": "lora", "sequence_length": 1024, "micro_batch_size": 4, "batch_size": 8},
    "refused": {"size": "4B", "method": "full", "sequence_length": 16384, "micro_batch_size": 4, "batch_size": 4},
    "runs out": {"size": "4B", "method": "full", "sequence_length": 16384, "micro_batch_size": 4, "batch_size": 4},
}
"""What does not fit, and the same with `allow`."""


def create_environment(folder: Path, sites: Path, backend: str) -> Path:
    """A virtual environment that sees the backend's packages, and this interpreter's after them."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    ours = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    packages = next((folder / "lib").glob("python*/site-packages"))
    lines = [str(sites / backend), str(sites / "current"), *ours]
    (packages / "backend.pth").write_text("\n".join(lines) + "\n", "utf-8")
    write_commands(folder / "bin", str(folder / "bin" / "python"))
    return folder


def write_recipe(name: str, out: Path, environment_folder: Path, model: Path) -> Path:
    """Written as OUT/first/<name>.yaml; its rows are as long as its sequences."""
    told, slug = dict(RUNS[name]), name.replace(" ", "-")
    told.pop("size")
    method = told.pop("method")
    text: dict[str, Any] = {
        "version": 1,
        "name": slug,
        "model": str(model),
        "data": {"train": str(out / "first" / f"{slug}.jsonl")},
        "method": method,
        "training": {**told, "steps": 10, "kernels": ["none"] if name != "trains" else None, "overlong": "truncate"},
        "hardware": {"gpus": 1},
        "output": {"dir": str(out / "first" / slug)},
        "run": {"backend": "llamafactory", "environment": str(environment_folder)},
    }
    text["training"] = {key: value for key, value in text["training"].items() if value is not None}
    if name == "runs out":
        text["allow"] = {"QR601": "to see what is said when memory runs out"}
    path = out / "first" / f"{slug}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(told["batch_size"] * 10, told["sequence_length"], out / "first" / f"{slug}.jsonl")
    path.write_text(yaml.safe_dump(text, sort_keys=False), "utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--gpu", type=int, default=0)
    arguments = parser.parse_args()
    out, sites = arguments.out, arguments.sites
    path = os.pathsep.join(map(str, [HERE.parent.parent, sites / "recipes", sites / "current"]))
    ours = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": str(arguments.gpu)}
    place, found = create_environment(out / "first" / "environment", sites, "llamafactory"), {}
    for name, told in RUNS.items():
        file = write_recipe(name, out, place, write_model(told["size"], out, ours))
        command = [sys.executable, "-c", RECIPES, "run", str(file)]
        done = subprocess.run(command, cwd=file.parent, env=ours, capture_output=True, text=True, timeout=240)
        record = out / "first" / name.replace(" ", "-") / "run.json"
        kept = json.loads(record.read_text("utf-8")) if record.is_file() else {}
        found[name] = {
            "exit": done.returncode,
            "said": (done.stdout + done.stderr)[-4000:],
            "record": {key: kept[key] for key in RECORD_FIELDS if key in kept},
        }
        (out / "first_run.json").write_text(json.dumps(found, indent=1), "utf-8")
        print(name, done.returncode, flush=True)


if __name__ == "__main__":
    main()
