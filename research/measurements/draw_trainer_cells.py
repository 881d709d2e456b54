"""Write the cells that are measured through the real trainers, and say which of them the estimate is fitted on.

    python research/measurements/draw_trainer_cells.py

Writes qwen_recipes/estimate/measured/trainer_cells.json, before any of them is measured. `fitted` cells may shape the
formulas and their constants; `judged` cells only judge them. `capped` cells are judged ones whose allocator is limited
to a share of the estimate (`cap_share`): the bytes are written beside the predictions (predict_trainer_cells.py), also
before they are measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parents[2] / "qwen_recipes/estimate/measured/trainer_cells.json"
BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
ALL = "axolotl llamafactory ms-swift trl"
UNFUSED = {"kernels": ["none"]}
OPEN = {"gradient_checkpointing": False}
BF16 = {"weights_dtype": "bfloat16"}
EIGHT_BIT = {"optimizer": "adamw_8bit"}

FITTED: list[tuple[str, str, str, str, int, int, str, dict[str, Any], str]] = [
    # name, backends, model, method, length, micro-batch, rows, training, objective
    ("lora", ALL, "0.6B", "lora:16", 2048, 4, "full", {}, "sft"),
    ("lora-4B", ALL, "4B", "lora:64", 4096, 2, "full", {}, "sft"),
    ("lora-short", ALL, "1.7B", "lora:32", 2048, 8, "short", {}, "sft"),
    ("lora-short-unfused", ALL, "0.6B", "lora:8", 2048, 4, "short", UNFUSED, "sft"),
    ("lora-unfused", ALL, "1.7B", "lora:16", 1024, 4, "full", UNFUSED, "sft"),
    ("lora-open", ALL, "1.7B", "lora:16", 2048, 2, "full", OPEN, "sft"),
    ("full", ALL, "0.6B", "full", 2048, 2, "full", {}, "sft"),
    ("full-8bit-bf16", "axolotl ms-swift trl", "0.6B", "full", 4096, 2, "full", EIGHT_BIT | BF16, "sft"),
    ("full-8bit", ALL, "1.7B", "full", 2048, 1, "full", EIGHT_BIT, "sft"),
    ("full-accumulate", ALL, "0.6B", "full", 1024, 2, "full", {"accumulate": 2}, "sft"),
    ("qlora", ALL, "1.7B", "qlora:16", 2048, 2, "full", {}, "sft"),
    ("qlora-unfused", ALL, "0.6B", "qlora:32", 2048, 2, "full", UNFUSED, "sft"),
    ("dora", ALL, "0.6B", "dora:16", 1024, 4, "full", {}, "sft"),
    ("dpo", ALL, "0.6B", "lora:16", 1024, 2, "full", {}, "dpo"),
    ("dpo-full", ALL, "0.6B", "full", 512, 2, "full", {}, "dpo"),
    ("kto", ALL, "0.6B", "lora:16", 1024, 4, "full", {}, "kto"),
    ("orpo", "axolotl llamafactory ms-swift", "0.6B", "lora:16", 1024, 2, "full", {}, "orpo"),
    ("reward", ALL, "0.6B", "lora:16", 1024, 2, "full", {}, "reward"),
    ("pretrain", "axolotl llamafactory ms-swift", "0.6B", "lora:16", 2048, 2, "full", {}, "pretrain"),
    ("moe-lora", ALL, "30B-A3B-4layers", "lora:16", 2048, 1, "full", {}, "sft"),
    ("moe-qlora", ALL, "30B-A3B-4layers", "qlora:16", 1024, 2, "full", {}, "sft"),
    ("packed", "axolotl llamafactory trl", "0.6B", "lora:16", 4096, 1, "short", {"packing": True}, "sft"),
    ("kernels", "axolotl", "1.7B", "lora:16", 2048, 2, "full", {"kernels": ["liger", "lora"]}, "sft"),
    ("kernels-open", "axolotl", "1.7B", "lora:16", 2048, 2, "full", {"kernels": ["liger", "lora"], **OPEN}, "sft"),
    ("freeze", "axolotl llamafactory ms-swift", "0.6B", "freeze", 2048, 2, "full", {}, "sft"),
    ("grpo", "axolotl ms-swift trl", "0.6B", "lora:16", 512, 4, "short", {}, "grpo"),
]
JUDGED = [
    ("lora-4B", ALL, "4B", "lora:16", 2048, 4, "full", {}, "sft"),
    ("lora-untied", ALL, "8B-12layers", "lora:32", 4096, 2, "full", {}, "sft"),
    ("lora-short", ALL, "4B", "lora:16", 2048, 4, "short", {}, "sft"),
    ("lora-open", ALL, "4B", "lora:8", 1024, 4, "full", OPEN, "sft"),
    ("lora-unfused", "llamafactory trl", "4B", "lora:16", 2048, 1, "full", UNFUSED, "sft"),
    ("full", ALL, "1.7B", "full", 2048, 2, "full", {}, "sft"),
    ("full-8bit", ALL, "0.6B", "full", 8192, 1, "full", EIGHT_BIT, "sft"),
    ("full-8bit-bf16", "axolotl ms-swift", "1.7B", "full", 4096, 2, "full", EIGHT_BIT | BF16, "sft"),
    ("qlora", ALL, "4B", "qlora:32", 4096, 1, "full", {}, "sft"),
    ("dora", "axolotl ms-swift", "1.7B", "dora:32", 2048, 2, "full", {}, "sft"),
    ("dpo", ALL, "1.7B", "lora:16", 2048, 1, "full", {}, "dpo"),
    ("dpo-short", "axolotl llamafactory trl", "1.7B", "lora:16", 2048, 2, "short", {}, "dpo"),
    ("kto", "axolotl ms-swift trl", "1.7B", "lora:16", 1024, 4, "full", {}, "kto"),
    ("orpo", "llamafactory", "1.7B", "lora:16", 1024, 2, "full", {}, "orpo"),
    ("reward", "llamafactory ms-swift", "1.7B", "lora:16", 1024, 4, "full", {}, "reward"),
    ("moe-lora", "axolotl trl", "30B-A3B-4layers", "lora:32", 4096, 1, "full", {}, "sft"),
    ("moe-qlora", "llamafactory ms-swift", "30B-A3B-4layers", "qlora:16", 2048, 2, "full", {}, "sft"),
    ("packed", "axolotl llamafactory", "1.7B", "lora:16", 8192, 1, "short", {"packing": True}, "sft"),
    ("kernels", "axolotl", "4B", "lora:16", 2048, 4, "full", {"kernels": ["liger", "lora"]}, "sft"),
    ("grpo", "ms-swift trl", "1.7B", "lora:16", 512, 4, "short", {}, "grpo"),
]
CAPPED = [
    ("lora", ALL, "4B", "lora:16", 4096, 4, "full", {}, "sft", (1.15, 1.2, 1.15, 1.2)),
    ("full", ALL, "0.6B", "full", 2048, 4, "full", {}, "sft", (1.2, 0.9, 1.15, 1.15)),
    ("qlora", ALL, "4B", "qlora:16", 2048, 4, "full", {}, "sft", (1.05, 1.15, 1.2, 0.95)),
    ("dpo", ALL, "0.6B", "lora:16", 2048, 2, "full", {}, "dpo", (1.15, 1.15, 0.9, 1.2)),
    ("short", ALL, "1.7B", "lora:16", 2048, 4, "short", UNFUSED, "sft", (0.9, 1.2, 1.15, 1.15)),
]
"""The last: what each backend's allocator may hold, as a share of the estimate."""
SECOND = [
    ("lora", ALL, "1.7B", "lora:8", 4096, 2, "full", {}, "sft"),
    ("lora-open", "axolotl llamafactory trl", "0.6B", "lora:64", 2048, 4, "full", OPEN, "sft"),
    ("lora-short", ALL, "0.6B", "lora:32", 4096, 4, "short", {}, "sft"),
    ("lora-unfused", "axolotl ms-swift trl", "0.6B", "lora:16", 2048, 2, "full", UNFUSED, "sft"),
    ("full", ALL, "1.7B", "full", 1024, 2, "full", {}, "sft"),
    ("full-8bit", "llamafactory ms-swift trl", "1.7B", "full", 4096, 1, "full", EIGHT_BIT, "sft"),
    ("full-bf16", "axolotl llamafactory ms-swift", "1.7B", "full", 2048, 2, "full", BF16, "sft"),
    ("qlora", ALL, "1.7B", "qlora:64", 2048, 4, "full", {}, "sft"),
    ("dora", "llamafactory trl", "1.7B", "dora:8", 1024, 2, "full", {}, "sft"),
    ("dpo", ALL, "0.6B", "lora:32", 2048, 1, "full", {}, "dpo"),
    ("dpo-short", "axolotl ms-swift trl", "0.6B", "lora:16", 1024, 4, "short", {}, "dpo"),
    ("kto", "axolotl llamafactory", "0.6B", "lora:8", 2048, 2, "full", {}, "kto"),
    ("orpo", "axolotl ms-swift", "0.6B", "lora:32", 2048, 1, "full", {}, "orpo"),
    ("reward", "axolotl trl", "0.6B", "lora:16", 2048, 2, "full", {}, "reward"),
    ("moe-lora", "llamafactory ms-swift", "30B-A3B-4layers", "lora:8", 1024, 2, "full", {}, "sft"),
    ("moe-qlora", "axolotl", "30B-A3B-4layers", "qlora:16", 2048, 1, "full", {}, "sft"),
    ("packed", "axolotl llamafactory trl", "1.7B", "lora:16", 4096, 1, "short", {"packing": True}, "sft"),
    ("kernels", "axolotl", "0.6B", "lora:32", 4096, 2, "full", {"kernels": ["liger", "lora"]}, "sft"),
    ("freeze", "llamafactory ms-swift", "1.7B", "freeze", 1024, 2, "full", {}, "sft"),
    ("pretrain", "axolotl llamafactory ms-swift", "1.7B", "lora:32", 1024, 2, "full", {}, "pretrain"),
]
"""A second set that judges: drawn after the constants were fitted on the first judged set too."""
SECOND_CAPPED = [
    ("lora", ALL, "1.7B", "lora:16", 4096, 2, "full", {}, "sft", (1.2, 1.15, 1.2, 1.15)),
    ("full", ALL, "0.6B", "full", 4096, 1, "full", {}, "sft", (1.15, 1.2, 0.9, 1.2)),
    ("qlora", ALL, "1.7B", "qlora:32", 2048, 2, "full", {}, "sft", (1.15, 1.2, 1.15, 1.2)),
    ("dpo", ALL, "1.7B", "lora:32", 1024, 1, "full", {}, "dpo", (1.2, 0.9, 1.15, 1.15)),
    ("short", ALL, "1.7B", "lora:16", 2048, 4, "short", {}, "sft", (1.15, 1.15, 1.2, 1.15)),
]

THIRD = [
    ("lora", ALL, "0.6B", "lora:64", 1024, 8, "full", {}, "sft"),
    ("lora-open", ALL, "1.7B", "lora:32", 1024, 4, "full", OPEN, "sft"),
    ("lora-short", ALL, "1.7B", "lora:16", 1024, 8, "short", {}, "sft"),
    ("lora-unfused", "llamafactory ms-swift", "1.7B", "lora:32", 2048, 1, "full", UNFUSED, "sft"),
    ("full", ALL, "0.6B", "full", 4096, 2, "full", {}, "sft"),
    ("full-8bit", "axolotl ms-swift trl", "1.7B", "full", 1024, 4, "full", EIGHT_BIT, "sft"),
    ("full-bf16", "axolotl llamafactory", "0.6B", "full", 2048, 4, "full", BF16, "sft"),
    ("qlora", ALL, "0.6B", "qlora:16", 4096, 2, "full", {}, "sft"),
    ("dora", "axolotl llamafactory ms-swift", "0.6B", "dora:32", 2048, 2, "full", {}, "sft"),
    ("dpo", ALL, "0.6B", "lora:64", 1536, 2, "full", {}, "dpo"),
    ("dpo-short", "llamafactory ms-swift trl", "1.7B", "lora:32", 1024, 2, "short", {}, "dpo"),
    ("kto", "llamafactory ms-swift trl", "1.7B", "lora:16", 2048, 2, "full", {}, "kto"),
    ("orpo", "axolotl ms-swift", "1.7B", "lora:16", 1024, 1, "full", {}, "orpo"),
    ("reward", "llamafactory trl", "1.7B", "lora:8", 2048, 2, "full", {}, "reward"),
    ("moe-lora", "axolotl trl", "30B-A3B-4layers", "lora:16", 1024, 4, "full", {}, "sft"),
    ("moe-qlora", "llamafactory ms-swift", "30B-A3B-4layers", "qlora:8", 4096, 1, "full", {}, "sft"),
    ("packed", "axolotl llamafactory trl", "0.6B", "lora:32", 8192, 1, "short", {"packing": True}, "sft"),
    ("kernels", "axolotl", "1.7B", "lora:64", 2048, 4, "full", {"kernels": ["liger", "lora"]}, "sft"),
    ("freeze", "axolotl llamafactory", "0.6B", "freeze", 4096, 1, "full", {}, "sft"),
    ("pretrain", "axolotl ms-swift", "0.6B", "lora:64", 4096, 1, "full", {}, "pretrain"),
]
"""A third: drawn after the constants were fitted on the second set too."""
THIRD_CAPPED = [
    ("lora", ALL, "0.6B", "lora:32", 2048, 8, "full", {}, "sft", (1.15, 1.2, 1.15, 1.2)),
    ("full", ALL, "1.7B", "full", 1024, 1, "full", {}, "sft", (1.2, 0.9, 1.2, 1.15)),
    ("qlora", ALL, "0.6B", "qlora:64", 2048, 4, "full", {}, "sft", (1.2, 1.15, 1.2, 1.15)),
    ("dpo", ALL, "0.6B", "lora:8", 2048, 1, "full", {}, "dpo", (1.25, 1.3, 0.9, 1.2)),
    ("short", ALL, "0.6B", "lora:16", 4096, 4, "short", {}, "sft", (1.2, 1.15, 1.2, 1.15)),
]
FOURTH = [
    ("lora", ALL, "4B", "lora:32", 1024, 4, "full", {}, "sft"),
    ("lora-open", "axolotl llamafactory trl", "1.7B", "lora:64", 2048, 1, "full", OPEN, "sft"),
    ("lora-short", ALL, "1.7B", "lora:8", 4096, 4, "short", {}, "sft"),
    ("lora-unfused", "axolotl llamafactory ms-swift", "1.7B", "lora:16", 4096, 1, "full", UNFUSED, "sft"),
    ("short-unfused", "axolotl ms-swift", "0.6B", "lora:16", 1024, 8, "short", UNFUSED, "sft"),
    ("full", ALL, "1.7B", "full", 4096, 1, "full", {}, "sft"),
    ("full-8bit", "axolotl llamafactory trl", "0.6B", "full", 2048, 4, "full", EIGHT_BIT, "sft"),
    ("full-bf16", "axolotl ms-swift", "1.7B", "full", 1024, 2, "full", BF16, "sft"),
    ("qlora", ALL, "4B", "qlora:8", 1024, 4, "full", {}, "sft"),
    ("qlora-unfused", "llamafactory ms-swift", "1.7B", "qlora:16", 2048, 1, "full", UNFUSED, "sft"),
    ("dora", "axolotl trl", "1.7B", "dora:16", 1024, 4, "full", {}, "sft"),
    ("dpo", ALL, "1.7B", "lora:8", 1024, 2, "full", {}, "dpo"),
    ("dpo-short", ALL, "0.6B", "lora:32", 2048, 4, "short", {}, "dpo"),
    ("kto", "axolotl llamafactory ms-swift", "0.6B", "lora:32", 1024, 2, "full", {}, "kto"),
    ("orpo", "llamafactory ms-swift", "0.6B", "lora:16", 2048, 1, "full", {}, "orpo"),
    ("reward", "axolotl ms-swift", "0.6B", "lora:32", 1024, 4, "full", {}, "reward"),
    ("moe-lora", "axolotl llamafactory", "30B-A3B-4layers", "lora:32", 2048, 2, "full", {}, "sft"),
    ("moe-qlora", "ms-swift", "30B-A3B-4layers", "qlora:32", 1024, 4, "full", {}, "sft"),
    ("packed", "axolotl llamafactory trl", "1.7B", "lora:32", 2048, 2, "short", {"packing": True}, "sft"),
    ("kernels", "axolotl", "1.7B", "lora:8", 4096, 2, "full", {"kernels": ["liger", "lora"]}, "sft"),
    ("freeze", "llamafactory ms-swift", "0.6B", "freeze", 1024, 4, "full", {}, "sft"),
    ("pretrain", "axolotl llamafactory ms-swift", "1.7B", "lora:16", 2048, 1, "full", {}, "pretrain"),
]
"""A fourth: drawn after most were measured again with an allocator whose segments grow, as run.sh asks for since."""
FOURTH_CAPPED = [
    ("lora", ALL, "1.7B", "lora:64", 1024, 8, "full", {}, "sft", (1.15, 1.15, 1.2, 1.1)),
    ("full", ALL, "0.6B", "full", 1024, 4, "full", {}, "sft", (1.15, 1.15, 0.9, 1.15)),
    ("qlora", ALL, "1.7B", "qlora:8", 4096, 1, "full", {}, "sft", (1.15, 1.1, 1.15, 1.2)),
    ("dpo", ALL, "1.7B", "lora:16", 1024, 1, "full", {}, "dpo", (1.15, 1.15, 1.15, 1.15)),
    ("short", ALL, "1.7B", "lora:32", 1024, 4, "short", UNFUSED, "sft", (1.15, 1.15, 1.15, 0.9)),
]


def make_cell(
    split: str,
    backend: str,
    row: tuple[str, str, str, str, int, int, str, dict[str, Any], str],
    cap_share: float | None = None,
) -> dict[str, Any]:
    """A cell of one backend: the part of the recipe that matters for it, in the recipe's own words."""
    name, _, model, method, length, micro_batch, rows, training, objective = row
    kind, _, rank = method.partition(":")
    words = dict(training)
    accumulate = int(words.pop("accumulate", 1))
    steps = (
        (4 if split == "fitted" else 2)
        if objective == "grpo"
        else 5
        if cap_share
        else 12
        if rows == "short"
        else 8
        if split == "fitted"
        else 6
    )
    text: dict[str, Any] = {
        "method": {"type": kind} | ({"rank": int(rank)} if rank else {}) | ({"layers": 4} if kind == "freeze" else {}),
        "training": {
            "steps": steps,
            "sequence_length": length,
            "micro_batch_size": micro_batch,
            "batch_size": micro_batch * accumulate,
            **words,
        },
    }
    if objective != "sft":
        text["objective"] = objective
    return {
        "id": f"{split}-{backend}-{name}",
        "split": split,
        "backend": backend,
        "model": model,
        "rows": rows,
        "cap_share": cap_share,
        "recipe": text,
    }


def draw_cells() -> list[dict[str, Any]]:
    """All of them, the fitted ones first."""
    found = [make_cell("fitted", backend, row) for row in FITTED for backend in row[1].split()]
    found += [make_cell("judged", backend, row) for row in JUDGED for backend in row[1].split()]
    found += [make_cell("second", backend, row) for row in SECOND for backend in row[1].split()]
    found += [make_cell("third", backend, row) for row in THIRD for backend in row[1].split()]
    found += [make_cell("fourth", backend, row) for row in FOURTH for backend in row[1].split()]
    capped = {"capped": CAPPED, "second-capped": SECOND_CAPPED, "third-capped": THIRD_CAPPED}
    capped |= {"fourth-capped": FOURTH_CAPPED}
    for split, rows in capped.items():
        for *row, shares in rows:
            found += [make_cell(split, b, tuple(row), share) for b, share in zip(BACKENDS, shares, strict=True)]  # type: ignore[arg-type]
    return found


def main() -> None:
    lines = ",\n".join(json.dumps(cell) for cell in draw_cells())
    OUT.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
