"""Bounds by the estimate as it is now, for the runs of results/defaults.jsonl: those that they have are older."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.estimate import TrainingRows, estimate_plan
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve.backend_recipe import BackendRecipe

GPU = "h200"


def compute_bound(cell: dict[str, Any], result: dict[str, Any]) -> float:
    """Bytes that the run should have stayed below in 99 of 100 cases."""
    made = BackendRecipe(
        load_recipe_text(json.dumps(write_settings(cell, result)), "cell.yaml", Path()), load_backend(cell["backend"])
    )
    seen = result["resolved"]
    tokens = seen["tokens_per_step"]
    mean = tokens / seen["examples_per_step"] if tokens else made.plan.training.sequence_length
    rows = TrainingRows(cell["row_count"], mean)
    return estimate_plan(made.plan, made.model, get_gpu_model(GPU), rows).safe_peak


def write_settings(cell: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """The cell's recipe with everything that it was resolved to."""
    seen = result["resolved"]
    training = {
        **cell["recipe"]["training"],
        "micro_batch_size": seen["micro_batch_size"],
        "gradient_checkpointing": seen["gradient_checkpointing"],
        "attention": seen["attention"],
        "kernels": [name for name, on in (("liger", seen["liger"]), ("lora", seen["lora_kernels"])) if on] or ["none"],
    }
    if seen["packing"]:
        training |= {"packing": True, "pack_length": seen["pack_length"], "batch_size": {"packs": seen["batch_size"]}}
    return {
        "version": 1,
        "model": f"Qwen/Qwen3-{cell['model']}",
        "data": {"train": "rows.jsonl"},
        "hardware": {"gpu": GPU, "gpus": 1},
        **cell["recipe"],
        "training": training,
    }
