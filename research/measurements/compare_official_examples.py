"""Our compiled LoRA recipe against each framework's own Qwen3 LoRA example, on one GPU: speed and peak memory.

    python research/measurements/compare_official_examples.py OUT [--sites FOLDER] [--size 4B] [--gpu 0]
        [--only "ms-swift ours" …]

Same model (Qwen3-4B's shape, random weights), rows (lengths as in instruction data, a few near the limit), rank and
effective batch. The official side is the file that `OFFICIAL` names, its model and data replaced, without its saves and
evaluations, and stopped after a few steps. Ours leaves all else to `recipes`; then with one thing changed. Appends to
OUT/against_official.jsonl and goes on where that ends. Each run has a process of its own (timed_training.py).
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
from measure_memory import SITES
from memory_cell_recipes import RECIPES, prepare_rows, write_model

HERE = Path(__file__).resolve().parent
STEPS, TIMED_STEPS, LIMIT_S = 14, 10, 300
SETTINGS = {"llamafactory": (8, 8, 2048), "ms-swift": (8, 16, 2048), "axolotl": (32, 4, 4096)}
"""Rank, sequences a step and length of the official example."""
LLAMAFACTORY: dict[str, Any] = {
    "trust_remote_code": True,
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_rank": 8,
    "lora_target": "all",
    "template": "qwen3_nothink",
    "cutoff_len": 2048,
    "max_samples": 1000,
    "preprocessing_num_workers": 16,
    "dataloader_num_workers": 4,
    "logging_steps": 10,
    "plot_loss": False,
    "overwrite_output_dir": True,
    "save_only_model": False,
    "report_to": "none",
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 8,
    "learning_rate": 1.0e-4,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.1,
    "bf16": True,
    "ddp_timeout": 180000000,
    "max_steps": STEPS,
    "save_strategy": "no",
}
"""examples/train_lora/qwen3_lora_sft.yaml; `warmup_ratio` has become `warmup_steps`."""
MS_SWIFT: dict[str, Any] = {
    "tuner_type": "lora",
    "torch_dtype": "bfloat16",
    "max_steps": STEPS,
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "learning_rate": 1e-4,
    "lora_rank": 8,
    "lora_alpha": 32,
    "target_modules": "all-linear",
    "gradient_accumulation_steps": 16,
    "logging_steps": 5,
    "max_length": 2048,
    "warmup_ratio": 0.05,
    "dataloader_num_workers": 4,
    "model_type": "qwen3",
    "template": "qwen3",
    "check_model": False,
    "split_dataset_ratio": 0,
    "save_strategy": "no",
    "report_to": "none",
}
"""The LoRA command of its "Qwen3 Best Practices"; `train_type` is `tuner_type` since 4.0."""
AXOLOTL: dict[str, Any] = {
    "load_in_8bit": False,
    "load_in_4bit": False,
    "strict": False,
    "val_set_size": 0.0,
    "sequence_len": 4096,
    "sample_packing": False,
    "adapter": "lora",
    "lora_r": 32,
    "lora_alpha": 64,
    "lora_dropout": 0.0,
    "lora_target_linear": True,
    "fused_attn_kernel": True,
    "gradient_accumulation_steps": 4,
    "micro_batch_size": 1,
    "max_steps": STEPS,
    "num_epochs": 1,
    "optimizer": "adamw_torch_fused",
    "lr_scheduler": "cosine",
    "learning_rate": 2e-4,
    "bf16": "auto",
    "tf32": False,
    "gradient_checkpointing": True,
    "attn_implementation": "sdpa",
    "warmup_ratio": 0.1,
    "weight_decay": 0.0,
    "save_strategy": "no",
    "use_tensorboard": False,
}
"""examples/qwen3/8b-lora-fused-attn.yaml, without packing and with PyTorch's attention: flash-attn is not there."""
OFFICIAL: dict[str, dict[str, dict[str, Any]]] = {
    "llamafactory": {"official": LLAMAFACTORY},
    "ms-swift": {"official": MS_SWIFT},
    "axolotl": {"official": AXOLOTL, "official, no fused attention": AXOLOTL | {"fused_attn_kernel": False}},
}
OURS: dict[str, dict[str, Any]] = {
    "ours": {},
    "ours, kernels: none": {"kernels": ["none"]},
    "ours, micro-batch 1": {"micro_batch_size": 1},
}


def write_rows(path: Path, count: int) -> None:
    """Conversations, one epoch of them; a digit is a token. Lengths: log-normal around 180 tokens, cut at 1,900."""
    draw = random.Random(8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            length = min(1900, int(draw.lognormvariate(5.2, 0.9)))
            turns = [
                {"role": "user", "content": "".join(draw.choices("0123456789", k=20))},
                {"role": "assistant", "content": "".join(draw.choices("0123456789", k=length))},
            ]
            file.write(json.dumps({"messages": turns}) + "\n")


def compile_recipe(
    backend: str, name: str, overrides: dict[str, Any], model: Path, root: Path, environment: dict[str, str]
) -> tuple[Path, Path]:
    """The compiled config, its rows prepared, and the folder that its paths are seen from."""
    rank, batch, length = SETTINGS[backend]
    slug = f"{backend}-{name}".replace(", ", "-").replace(": ", "-").replace(" ", "-")
    text = {
        "version": 1,
        "name": slug,
        "model": str(model),
        "data": {"train": str(root / f"{backend}.jsonl")},
        "method": {"type": "lora", "rank": rank},
        "training": {"steps": STEPS, "sequence_length": length, "batch_size": batch, "save_every": STEPS, **overrides},
        "hardware": {"gpu": "h100", "gpus": 1},
        "output": {"dir": str(root / "trained" / slug)},
    }
    path = root / f"{slug}.yaml"
    path.write_text(yaml.safe_dump(text, sort_keys=False), "utf-8")
    command = [sys.executable, "-c", RECIPES, "compile", str(path), "--backend", backend, "--force"]
    subprocess.run(command, cwd=root, env=environment, check=True)
    folder = root / "compiled" / slug / backend
    prepare_rows(folder, root, environment)
    return folder / "train.yaml", root


def write_official_config(backend: str, name: str, model: Path, root: Path) -> tuple[Path, Path]:
    """The example, with the same rows."""
    folder = root / f"{backend}-{name.replace(', ', '-').replace(' ', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    rows, trained = root / f"{backend}.jsonl", folder / "trained"
    where: dict[str, Any] = {
        "llamafactory": {
            "model_name_or_path": str(model),
            "dataset_dir": str(root),
            "dataset": "rows",
            "output_dir": str(trained),
        },
        "ms-swift": {"model": str(model), "dataset": [str(rows)], "output_dir": str(trained)},
        "axolotl": {
            "base_model": str(model),
            "datasets": [{"path": str(rows), "ds_type": "json", "type": "chat_template"}],
            "output_dir": str(trained),
            "dataset_prepared_path": str(folder / "prepared"),
        },
    }[backend]
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    info = {"file_name": rows.name, "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}
    (root / "dataset_info.json").write_text(json.dumps({"rows": info}), "utf-8")
    config = folder / "train.yaml"
    config.write_text(yaml.safe_dump(OFFICIAL[backend][name] | where), "utf-8")
    return config, root


def run_training(backend: str, config: Path, folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """One run, in a process of its own."""
    out = config.with_name("clocked.json")
    log = config.with_name("clocked.log")
    command = [sys.executable, str(HERE / "timed_training.py"), str(out), str(TIMED_STEPS), backend, str(config)]
    with log.open("w") as file:
        try:
            subprocess.run(command, cwd=folder, env=environment, stdout=file, stderr=file, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return {"outcome": "time limit"}
    if not out.is_file():
        return {"outcome": "ended", "log": log.read_text("utf-8", "replace")[-1500:]}
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve())
    parser.add_argument("--size", default="4B")
    parser.add_argument("--gpu", type=int, default=0)
    pairs = [f"{backend} {name}" for backend in SETTINGS for name in (*OFFICIAL[backend], *OURS)]
    parser.add_argument("--only", nargs="*", default=pairs, help=f"of: {'; '.join(pairs)}")
    arguments = parser.parse_args()
    root: Path = arguments.out / "against"
    root.mkdir(parents=True, exist_ok=True)
    results: Path = arguments.out / "against_official.jsonl"
    lines = results.read_text("utf-8").splitlines() if results.is_file() else []
    done = {"{backend} {run}".format(**json.loads(line)) for line in lines}
    model: Path | None = None
    for pair in [pair for pair in arguments.only if pair not in done]:
        backend, _, name = pair.partition(" ")
        _, batch, _ = SETTINGS[backend]
        environment = build_environment(backend, arguments)
        model = model or write_model(arguments.size, arguments.out, environment)
        write_rows(root / f"{backend}.jsonl", STEPS * batch)
        if name in OFFICIAL[backend]:
            config, folder = write_official_config(backend, name, model, root)
        else:
            config, folder = compile_recipe(backend, name, OURS[name], model, root, environment)
        result = run_training(backend, config, folder, environment)
        told = {"backend": backend, "run": name, "size": arguments.size, "micro_batch": result.get("batch", [None])[0]}
        whole = told | result | {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d")}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(whole) + "\n")
        print(json.dumps({k: v for k, v in whole.items() if k not in ("versions", "step_seconds")}), flush=True)


def build_environment(backend: str, arguments: argparse.Namespace) -> dict[str, str]:
    """Packages of the backend, one GPU, and no network."""
    parts = SITES.get(backend, (backend, "current", "recipes"))
    folders = [arguments.sites / part for part in parts] if arguments.sites else []
    path = os.pathsep.join(map(str, [HERE.parent.parent, *folders, *filter(None, [os.environ.get("PYTHONPATH")])]))
    fixed = {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1", "AXOLOTL_DO_NOT_TRACK": "1"}
    return {**os.environ, **fixed, "CUDA_VISIBLE_DEVICES": str(arguments.gpu), "TOKENIZERS_PARALLELISM": "false"}


if __name__ == "__main__":
    main()
