"""A framework's cell as a recipe: written, compiled by `recipes compile`, with rows that are longer than the limit."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
RECIPES = "from qwen_recipes.cli import main; main()"
STEPS = 6
OPTIMIZERS = {"adamw": "adamw_torch_fused"}
MemoryCell = dict[str, Any]


def write_model(size: str, out: Path, environment: dict[str, str]) -> Path:
    """A model of that size with random weights and Qwen3's tokenizer, saved once."""
    folder = out / "models" / size
    subprocess.run(
        [sys.executable, str(HERE / "random_models.py"), str(out / "models"), size],
        check=True,
        env={**environment, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    code = "import sys; from pathlib import Path; from qwen_recipes.qwen.tokenizer import build_tokenizer as b; "
    call = [sys.executable, "-c", code + "b(Path(sys.argv[1]), 'hybrid')", str(folder)]
    subprocess.run(call, check=True, env=environment)
    return folder


def build_recipe(cell: MemoryCell, model: Path, name: str, root: Path) -> dict[str, Any]:
    """What a person would write for it."""
    kind = {"8bit": "lora"}.get(cell["method"], cell["method"])
    method = {"type": kind} | ({"rank": cell["rank"]} if cell["rank"] else {})
    text: dict[str, Any] = {
        "version": 1,
        "name": name,
        "model": str(model),
        "data": {"train": str(root / "rows" / f"{name}.jsonl")},
        "method": method,
        "training": {
            "steps": STEPS,
            "sequence_length": cell["seq"],
            "overlong": "truncate",
            "packing": False,
            "batch_size": cell["micro_batch"],
            "micro_batch_size": cell["micro_batch"],
            "optimizer": OPTIMIZERS.get(cell["optimizer"], cell["optimizer"]),
            "gradient_checkpointing": cell["checkpointing"],
            "kernels": ["liger"] if cell["liger"] else ["none"],
            "attention": "sdpa",
            "learning_rate": 1e-5 if kind == "full" else 1e-4,
            "log_every": 1,
        },
        "hardware": {"gpu": "h100", "gpus": 1, "prefer": "memory"},
        "output": {"dir": str(root / "trained" / name)},
    }
    if cell["method"] == "8bit":
        text["quantization"] = {"bits": 8}
    return text


def write_rows(count: int, tokens: int, path: Path) -> None:
    """Conversations, each longer than the limit: a digit is a token."""
    draw = random.Random(5)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            said = "".join(draw.choices("0123456789", k=tokens + 64))
            turns = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": said}]
            file.write(json.dumps({"messages": turns}) + "\n")


def prepare_rows(folder: Path, root: Path, environment: dict[str, str]) -> None:
    """What run.sh does first, in the framework's environment. Raises CalledProcessError."""
    path = os.pathsep.join([str(folder), environment["PYTHONPATH"]])
    command = [sys.executable, "-m", "rows", str(folder / "rows.json")]
    subprocess.run(command, cwd=root, env={**environment, "PYTHONPATH": path}, check=True, stdout=subprocess.DEVNULL)


def compile_cell(cell: MemoryCell, model: Path, out: Path, environment: dict[str, str]) -> str:
    """Compile it and put its rows where the config looks. Sets `config` and `folder`; tells what is refused, or ""."""
    name, root = cell["id"].lower().replace(".", "-").replace("_", "-"), out / "recipes"
    (root / "rows").mkdir(parents=True, exist_ok=True)
    path = root / f"{name}.yaml"
    path.write_text(yaml.safe_dump(build_recipe(cell, model, name, root), sort_keys=False), "utf-8")
    write_rows(STEPS * cell["micro_batch"] + 1, cell["seq"], root / "rows" / f"{name}.jsonl")
    command = [sys.executable, "-c", RECIPES, "compile", str(path), "--backend", "llamafactory", "--force"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        return done.stderr[-600:]
    config = root / "compiled" / name / "llamafactory" / "train.yaml"
    prepare_rows(config.parent, root, environment)
    words = yaml.safe_load(config.read_text("utf-8")) | {"save_strategy": "no", "resume_from_checkpoint": None}
    config.write_text(yaml.safe_dump(words), "utf-8")
    cell |= {"config": str(config), "folder": str(root)}
    return ""
