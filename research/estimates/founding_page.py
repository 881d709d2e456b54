# ruff: noqa: E501
"""The founding text's tables of hardware, time and storage beside ours, row by row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.estimate.estimate import CUDA_CONTEXT_BYTES, Estimate, TrainingRows, estimate_plan
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve
from qwen_recipes.sizes import GIB, format_bytes, format_gib

MODEL = "Qwen/Qwen3-4B-Instruct-2507"
ROW_TOKENS = 325
"""Mean length of a short instruction example, as measured cells have it."""
OPEN = {"gradient_checkpointing": False}
EIGHT_BIT = {"optimizer": "adamw_8bit"}
NARROW = {"weights_dtype": "bfloat16"}
MEMORY: list[tuple[str, str, dict[str, Any]]] = [
    ("QLoRA, r=16, 2,048 tokens", "5 to 6 GB", {"method": {"type": "qlora", "rank": 16}}),
    ("QLoRA, r=32, 2,048 tokens", "6 to 7 GB", {"method": {"type": "qlora", "rank": 32}}),
    (
        "QLoRA, r=64, 4,096 tokens",
        "8 to 10 GB",
        {"method": {"type": "qlora", "rank": 64}, "training": {"sequence_length": 4096}},
    ),
    (
        "8 bits, r=32, 2,048 tokens",
        "7 to 8 GB",
        {"method": {"type": "lora", "rank": 32}, "quantization": {"bits": 8}},
    ),
    ("LoRA on 16 bits, r=32", "12 to 14 GB", {"method": {"type": "lora", "rank": 32}}),
    ("full, bf16, AdamW", "64 to 70 GB", {"method": "full", "training": NARROW | OPEN}),
    ("full, bf16, 8-bit AdamW", "38 to 44 GB", {"method": "full", "training": NARROW | EIGHT_BIT | OPEN}),
    ("the same with checkpointing", "32 to 38 GB", {"method": "full", "training": NARROW | EIGHT_BIT}),
]
SPEED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("QLoRA, r=16, on an RTX 3060", "1,000 to 2,000", "rtx-3060", {"method": {"type": "qlora", "rank": 16}}),
    ("LoRA, r=32, on an RTX 4090", "2,500 to 4,000", "rtx-4090", {"method": {"type": "lora", "rank": 32}}),
    (
        "full, bf16, 8-bit AdamW, on an A100 80GB",
        "1,500 to 2,500",
        "a100-80gb",
        {"method": "full", "training": NARROW | EIGHT_BIT},
    ),
]


@cache
def _write(text: str) -> Path:
    folder = Path(tempfile.mkdtemp())
    (folder / "recipe.yaml").write_text(text, "utf-8")
    return folder / "recipe.yaml"


def estimate(recipe: dict[str, Any], gpu: str, rows: TrainingRows | None = None, **training: Any) -> Estimate:
    """By way of ms-swift, which does all of it; one row in a micro-batch of 2,048 tokens unless the recipe says more."""
    base = {"sequence_length": 2048, "micro_batch_size": 1, "batch_size": 1}
    text = {
        "version": 1,
        "model": MODEL,
        "data": {"train": "rows.jsonl"},
        "hardware": {"gpu": gpu, "prefer": "memory"},
        **recipe,
        "training": base | recipe.get("training", {}) | training,
    }
    plan = resolve(load_recipe(str(_write(yaml.safe_dump(text)))), load_backend("ms-swift"))
    return estimate_plan(plan, REGISTRY[MODEL], get_gpu_model(gpu), rows)


def render_founding_tables() -> Iterator[str]:
    """Memory, speed, time, storage."""
    yield "### Hardware, time and storage\n"
    yield "Qwen3-4B, ours by the estimate (micro-batch 1, with CUDA's 0.6 GiB), with fused kernels and without.\n"
    yield "| what | said | here | without fused kernels |\n|---|---|---|---|"
    for title, said, recipe in MEMORY:
        peaks = [estimate(recipe, "h100").peak, estimate(recipe, "h100", kernels=["none"]).peak]
        fused, plain = ((peak + CUDA_CONTEXT_BYTES) / GIB for peak in peaks)
        yield f"| {title} | {said} | {fused:.1f} GiB | {plain:.1f} GiB |"
    for title, said, gpu, recipe in SPEED:
        made = estimate(recipe, gpu)
        yield f"| {title} | {said} tokens/s | {made.tokens_per_second:,.0f} tokens/s | |"
    qlora = MEMORY[0][2]
    for count, said in ((1_000, "15 to 30 minutes"), (10_000, "2 to 4 hours"), (50_000, "8 to 16 hours")):
        rows = TrainingRows(count, ROW_TOKENS)
        made = estimate(qlora, "rtx-4090", rows, epochs=3, micro_batch_size=4, batch_size=16)
        yield f"| {count:,} samples, 3 epochs, QLoRA on an RTX 4090 | {said} | {(made.seconds or 0) / 3600:.1f} h ({ROW_TOKENS} tokens each) | |"
    lora, full = estimate(MEMORY[4][2], "h100").disk, estimate({"method": "full"}, "h100").disk
    yield f"| adapter on disk | 25 to 200 MB | {format_bytes(lora.output)} (r=32) | |"
    yield f"| full checkpoint with states | 8 GB and 24 to 48 GB | {format_gib(full.checkpoints / 3, 0)} (float32) | |"
    yield f"| free for a LoRA run | 30 GB | {format_gib(lora.total, 0)} | |"
    yield f"| free for a full run | over 100 GB each checkpoint | {format_gib(full.total, 0)} in all, two kept | |"
    yield ""
