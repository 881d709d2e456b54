"""Our compiled LoRA recipe against LLaMA-Factory's own Qwen3 LoRA example, on one GPU: speed and peak memory.

    python scripts/measure/against_official.py OUT [--sites FOLDER] [--size 4B] [--gpu 0]

Same model (Qwen3-4B's shape, random weights), rows (lengths as in instruction data, a few near the limit) and effective
batch (8). The official side is examples/train_lora/qwen3_lora_sft.yaml of the framework's repository, its own data set
replaced. Ours is `method: {type: lora, rank: 8}` with all else left to `recipes`; then with the example's micro-batch,
and with Liger. Appends to OUT/against_official.jsonl. Each run has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from memory import SITES, Worker
from memory_recipes import RECIPES, models

HERE = Path(__file__).resolve().parent
STEPS, TIMED, BATCH, LENGTH = 20, 12, 8, 2048
OFFICIAL: dict[str, Any] = {
    "trust_remote_code": True,
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_rank": 8,
    "lora_target": "all",
    "template": "qwen3_nothink",
    "cutoff_len": LENGTH,
    "max_samples": 1000,
    "preprocessing_num_workers": 16,
    "dataloader_num_workers": 4,
    "logging_steps": 10,
    "plot_loss": False,
    "overwrite_output_dir": True,
    "save_only_model": False,
    "report_to": "none",
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": BATCH,
    "learning_rate": 1.0e-4,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.1,
    "bf16": True,
    "ddp_timeout": 180000000,
    "max_steps": STEPS,
    "save_strategy": "no",
}
"""The example's words; `warmup_ratio` has become `warmup_steps`, and it stops after a few steps and saves nothing."""
OURS: dict[str, dict[str, Any]] = {
    "ours": {},
    "ours, micro-batch 1": {"micro_batch_size": 1},
    "ours, liger": {"kernels": ["liger"]},
    "ours, liger, micro-batch 1": {"kernels": ["liger"], "micro_batch_size": 1},
}


def rows(path: Path) -> None:
    """Conversations, one epoch of them; a digit is a token. Lengths: log-normal around 180 tokens, cut at 1,900."""
    draw = random.Random(8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(STEPS * BATCH):
            length = min(1900, int(draw.lognormvariate(5.2, 0.9)))
            turns = [
                {"role": "user", "content": "".join(draw.choices("0123456789", k=20))},
                {"role": "assistant", "content": "".join(draw.choices("0123456789", k=length))},
            ]
            file.write(json.dumps({"messages": turns}) + "\n")


def ours(name: str, more: dict[str, Any], model: Path, root: Path, environment: dict[str, str]) -> Path:
    """The compiled config."""
    slug = name.replace(", ", "-").replace(" ", "-")
    text = {
        "version": 1,
        "name": slug,
        "model": str(model),
        "data": {"train": str(root / "rows.jsonl")},
        "method": {"type": "lora", "rank": 8},
        "training": {"steps": STEPS, "sequence_length": LENGTH, "batch_size": BATCH, **more},
        "hardware": {"gpu": "h100", "gpus": 1},
        "output": {"dir": str(root / "trained" / slug)},
    }
    path = root / f"{slug}.yaml"
    path.write_text(yaml.safe_dump(text, sort_keys=False), "utf-8")
    rows(root / "rows.jsonl")
    rows(root / "trained" / slug / "rows" / "train.jsonl")
    command = [sys.executable, "-c", RECIPES, "compile", str(path), "--backend", "llamafactory", "--force"]
    subprocess.run(command, cwd=root, env=environment, check=True)
    config = root / "compiled" / slug / "llamafactory" / "train.yaml"
    words = yaml.safe_load(config.read_text("utf-8")) | {"save_strategy": "no"}
    config.write_text(yaml.safe_dump(words), "utf-8")
    return config


def official(model: Path, root: Path) -> Path:
    """The example, with the same rows."""
    folder = root / "official"
    rows(folder / "rows.jsonl")
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    info = {"file_name": "rows.jsonl", "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}
    (folder / "dataset_info.json").write_text(json.dumps({"rows": info}), "utf-8")
    where = {"model_name_or_path": str(model), "dataset_dir": str(folder), "dataset": "rows"}
    config = folder / "train.yaml"
    config.write_text(yaml.safe_dump(OFFICIAL | where | {"output_dir": str(folder / "trained")}), "utf-8")
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve())
    parser.add_argument("--size", default="4B")
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=["official", *OURS])
    arguments = parser.parse_args()
    root: Path = arguments.out / "against"
    root.mkdir(parents=True, exist_ok=True)
    results: Path = arguments.out / "against_official.jsonl"
    folders = [arguments.sites / part for part in SITES["llamafactory"]] if arguments.sites else []
    folders += [arguments.sites / "recipes"] if arguments.sites else []
    path = os.pathsep.join(map(str, [HERE.parent.parent, *folders, *filter(None, [os.environ.get("PYTHONPATH")])]))
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    model = models(arguments.size, arguments.out, environment)
    for name in arguments.only:
        config = official(model, root) if name == "official" else ours(name, OURS[name], model, root, environment)
        cell = {"stack": "llamafactory", "config": str(config), "folder": str(root), "cap_gb": None, "timed": TIMED}
        worker = Worker(("llamafactory", False), arguments.gpu, environment, arguments.out)
        result = worker.measure(cell, 240) or {"outcome": "time limit"}
        worker.end()
        config_words = yaml.safe_load(config.read_text("utf-8"))
        told = {"run": name, "size": arguments.size, "micro_batch": config_words["per_device_train_batch_size"]}
        whole = told | result | {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d")}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(whole) + "\n")
        print(json.dumps(whole), flush=True)


if __name__ == "__main__":
    main()
