"""Write the cells of two and four GPUs and what the estimate says of them, before they are measured.

    python -m research.measurements.predict_two_gpu_memory

Writes two_gpu_memory_cells.json; a prediction that stands there is never changed. Bytes and seconds, of one GPU.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.estimate.estimate import Estimate, TrainingRows, estimate_plan
from qwen_recipes.finding import RecipeError
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve
from research.measurements.random_models import facts_for_shape
from research.measurements.trainer_cell_recipes import OVERHEAD, count_rows, draw_lengths, write_recipe
from research.measurements.write_shapes import write_shape

OUT = Path(__file__).resolve().parent / "two_gpu_memory_cells.json"
STEPS = 5
FIRST = [  # of Qwen3-1.7B's shape
    # name, method, strategy, length, micro-batch, objective, backends
    ("lora-ddp", "lora:16", "ddp", 2048, 2, "sft", "llamafactory trl"),
    ("lora-zero3", "lora:16", "zero3", 2048, 2, "sft", "axolotl ms-swift"),
    ("lora-fsdp", "lora:16", "fsdp", 2048, 2, "sft", "llamafactory trl"),
    ("qlora-ddp", "qlora:16", "ddp", 2048, 4, "sft", "axolotl"),
    ("qlora-fsdp", "qlora:16", "fsdp", 2048, 4, "sft", "axolotl llamafactory"),
    ("full-zero2", "full", "zero2", 2048, 1, "sft", "axolotl llamafactory"),
    ("full-zero3", "full", "zero3", 2048, 1, "sft", "ms-swift trl"),
    ("full-fsdp", "full", "fsdp", 2048, 1, "sft", "axolotl llamafactory trl"),
    ("dpo-zero2", "lora:16", "zero2", 1024, 2, "dpo", "llamafactory trl"),
]
SECOND = [
    # model, and as above
    ("4B", ("lora-zero2", "lora:16", "zero2", 2048, 1, "sft", "axolotl ms-swift")),
    ("4B", ("lora-zero3", "lora:16", "zero3", 2048, 1, "sft", "llamafactory trl")),
    ("4B", ("lora-fsdp", "lora:32", "fsdp", 1024, 2, "sft", "axolotl llamafactory")),
    ("4B", ("qlora-ddp", "qlora:16", "ddp", 2048, 2, "sft", "llamafactory trl")),
    ("0.6B", ("full-zero2", "full", "zero2", 2048, 2, "sft", "ms-swift trl")),
    ("1.7B", ("full-zero3", "full", "zero3", 1024, 2, "sft", "axolotl llamafactory")),
    ("0.6B", ("full-fsdp", "full", "fsdp", 2048, 2, "sft", "axolotl llamafactory trl")),
    ("0.6B", ("dpo-ddp", "lora:16", "ddp", 1024, 2, "dpo", "axolotl ms-swift trl")),
]
"""Drawn after the formulas were mended on the first set, and with an allocator whose segments grow."""
THIRD = [
    # model, GPUs, and as above
    ("1.7B", 4, ("lora-fsdp", "lora:32", "fsdp", 1024, 2, "sft", "llamafactory axolotl trl")),
    ("0.6B", 4, ("full-zero3", "full", "zero3", 1536, 2, "sft", "axolotl ms-swift trl")),
    ("1.7B", 4, ("full-fsdp", "full", "fsdp", 2048, 1, "sft", "axolotl llamafactory")),
    ("1.7B", 4, ("full-zero2", "full", "zero2", 1024, 2, "sft", "llamafactory ms-swift")),
    ("1.7B", 4, ("qlora-ddp", "qlora:32", "ddp", 1024, 4, "sft", "axolotl ms-swift")),
    ("1.7B", 2, ("dpo-zero2", "lora:32", "zero2", 1024, 1, "dpo", "llamafactory trl")),
    ("4B", 2, ("lora-fsdp-pair", "lora:16", "fsdp", 2048, 1, "sft", "llamafactory trl")),
]
"""Drawn after the formulas were mended on the second set; the first cells of four GPUs."""


def list_cells() -> list[dict[str, Any]]:
    """All sets."""
    found = [one for row in FIRST for one in make_cells("1.7B", row)]
    found += [one for model, row in SECOND for one in make_cells(model, row, "second-")]
    return found + [one for model, gpus, row in THIRD for one in make_cells(model, row, "third-", gpus)]


def make_cells(
    model: str, row: tuple[str, str, str, int, int, str, str], prefix: str = "", gpus: int = 2
) -> list[dict[str, Any]]:
    """One for each backend, in the words of trainer_cell_recipes.py."""
    name, method, strategy, length, micro, objective, backends = row
    kind, _, rank = method.partition(":")
    recipe = {
        "method": {"type": kind} | ({"rank": int(rank)} if rank else {}),
        "training": {
            "steps": STEPS,
            "sequence_length": length,
            "batch_size": gpus * micro,
            "micro_batch_size": micro,
            "gradient_checkpointing": True,
            "attention": "sdpa",
            "packing": False,
        },
        "hardware": {"gpu": "h200", "gpus": gpus, "strategy": strategy},
    } | ({} if objective == "sft" else {"objective": objective})
    return [
        {"id": f"{prefix}{backend}-{name}", "backend": backend, "model": model, "rows": "full", "recipe": recipe}
        for backend in backends.split()
    ]


def estimate_cell(cell: dict[str, Any], scratch: Path) -> Estimate:
    """What is said of a cell today. Raises RecipeError where its recipe is refused."""
    model = write_shape(cell["model"], scratch / "models")
    recipe = write_recipe(cell, model, scratch / cell["id"])
    plan = resolve(load_recipe(str(recipe)), load_backend(cell["backend"]))
    lengths = tuple(length + OVERHEAD // 2 for length in draw_lengths(cell, count_rows(cell)))
    rows = TrainingRows(len(lengths), sum(lengths) / len(lengths), max(lengths), exact=True, lengths=lengths)
    return estimate_plan(plan, facts_for_shape(cell["model"]), get_gpu_model("h200"), rows)


def predict(cell: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """What the estimate says; why it is refused where it is."""
    try:
        made = estimate_cell(cell, scratch)
    except RecipeError as error:
        return {"refused": error.findings[0].message}
    said = {"peak": made.peak, "allocated": made.allocated, "low": made.low, "high": made.high, "bound": made.safe_peak}
    return {name: round(value) for name, value in said.items()} | {"step_seconds": round(made.step_seconds, 3)}


def main() -> None:
    known = {one["id"]: one for one in json.loads(OUT.read_text("utf-8"))} if OUT.is_file() else {}
    with tempfile.TemporaryDirectory() as scratch:
        cells = [known.get(cell["id"]) or {**cell, "said": predict(cell, Path(scratch))} for cell in list_cells()]
    OUT.write_text("[\n" + ",\n".join(json.dumps(cell) for cell in cells) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()
