"""Write the cells that judge our defaults for speed: what we choose, settings by hand, and the frameworks' examples.

    python research/measurements/draw_default_cells.py

Writes research/measurements/default_cells.json. All settings of one workload train on the same rows, with the same
batch and as many updates. `default` leaves open what changes speed alone; `example` is written as the framework's own
example for Qwen3 is; the others are by hand. Workloads stand in the order in which they are measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parent / "default_cells.json"
SEQUENCE_LENGTH, BATCH = 2048, 16
Settings = dict[str, Any]
WORKLOADS: dict[str, tuple[str, str, str, str]] = {
    # name: model, method, rows, objective
    "4B-lora": ("4B", "lora:16", "full", "sft"),
    "4B-lora-short": ("4B", "lora:16", "short", "sft"),
    "1.7B-full": ("1.7B", "full", "full", "sft"),
    "4B-qlora": ("4B", "qlora:16", "full", "sft"),
    "8B-qlora": ("8B", "qlora:16", "full", "sft"),
    "4B-dpo": ("4B", "lora:16", "full", "dpo"),
}
LIGER, KERNELS, BOTH, NONE = ["liger"], ["lora"], ["liger", "lora"], ["none"]
EXAMPLES: dict[str, Settings] = {
    "llamafactory": {"micro_batch_size": 1, "gradient_checkpointing": True, "kernels": NONE, "attention": "sdpa"},
    "axolotl": {"micro_batch_size": 1, "gradient_checkpointing": True, "kernels": KERNELS, "attention": "sdpa"},
}
"""What examples/train_lora/qwen3_lora_sft.yaml and examples/qwen3/8b-lora-fused-attn.yaml say of speed, without
flash-attn; in full fine-tuning without kernels for adapters."""


def _set(micro: int, checkpointing: bool, kernels: list[str], **more: Any) -> Settings:
    fixed = {"micro_batch_size": micro, "gradient_checkpointing": checkpointing, "kernels": kernels}
    return {**fixed, "attention": "sdpa", "packing": False, **more}


def _pack(length: int, micro: int, checkpointing: bool, kernels: list[str], attention: str = "sdpa") -> Settings:
    return _set(micro, checkpointing, kernels, packing=True, pack_length=length, attention=attention)


def _list_unpacked(kernels: list[str], fewer: list[str]) -> list[Settings]:
    """Twelve: checkpointing on and off, micro-batches, without the kernels that save most."""
    on, off = (2, 4, 8, 16), (1, 2, 4, 8)
    found = [_set(micro, True, kernels) for micro in on] + [_set(micro, False, kernels) for micro in off]
    return [*found, _set(16, False, kernels), _set(4, True, fewer), _set(4, False, fewer), _set(2, False, fewer)]


def _list_packed(kernels: list[str], attention: str) -> list[Settings]:
    """Twelve for short examples: packs of about the batch, of half of it, and none."""
    return [
        _pack(5248, 1, False, kernels),
        _pack(2624, 2, False, kernels),
        _pack(2624, 1, False, kernels),
        _pack(5248, 1, True, kernels),
        _pack(2624, 2, True, kernels),
        _pack(5248, 1, False, NONE),
        _pack(2624, 2, False, NONE),
        _pack(5248, 1, False, kernels, attention) if attention != "sdpa" else _pack(5248, 1, True, NONE),
        _pack(2624, 2, False, kernels, attention) if attention != "sdpa" else _set(8, False, NONE),
        _set(16, True, kernels),
        _set(16, False, kernels),
        _set(16, False, NONE),
    ]


def list_settings(workload: str, backend: str) -> dict[str, Settings]:
    """Names and settings, ours first."""
    _, method, rows, objective = WORKLOADS[workload]
    adapter = method != "full"
    kernels = BOTH if backend == "axolotl" and adapter and objective == "sft" else LIGER if objective == "sft" else NONE
    if rows == "short":
        hand = _list_packed(kernels, "flex_attention" if backend == "axolotl" else "sdpa")
    else:
        hand = _list_unpacked(kernels, LIGER if kernels == BOTH else NONE)
    example = dict(EXAMPLES[backend])
    if kernels != BOTH:
        example["kernels"] = NONE
    named = {name_settings(one): one for one in hand}
    return {"default": {}, "example": example, **named}


def name_settings(one: Settings) -> str:
    """`packed-5248-micro1-again-liger-lora-flex`: what is not usual stands in it."""
    parts = [f"packed-{one['pack_length']}"] if one.get("packing") else []
    parts += [f"micro{one['micro_batch_size']}", "again" if one["gradient_checkpointing"] else "keep", *one["kernels"]]
    return "-".join(parts + (["flex"] if one["attention"] == "flex_attention" else []))


def draw_cells() -> list[dict[str, Any]]:
    """Every cell, by workload."""
    return [
        make_cell(workload, backend, name, settings)
        for workload in WORKLOADS
        for backend in ("llamafactory", "axolotl")
        for name, settings in list_settings(workload, backend).items()
    ]


def make_cell(workload: str, backend: str, name: str, settings: Settings) -> dict[str, Any]:
    """A cell in the form of trainer_cells.json."""
    model, method, rows, objective = WORKLOADS[workload]
    kind, _, rank = method.partition(":")
    text: dict[str, Any] = {
        "method": {"type": kind} | ({"rank": int(rank)} if rank else {}),
        "training": {
            "steps": 10 if rows == "short" else 5,
            "sequence_length": SEQUENCE_LENGTH,
            "batch_size": BATCH,
            **settings,
        },
    }
    if objective != "sft":
        text["objective"] = objective
    return {
        "id": f"{workload}-{backend}-{name}",
        "workload": workload,
        "backend": backend,
        "setting": name,
        "model": model,
        "rows": rows,
        "row_count": 400 if rows == "short" else 128,
        "recipe": text,
    }


def main() -> None:
    lines = ",\n".join(json.dumps(cell) for cell in draw_cells())
    OUT.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
