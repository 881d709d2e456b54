"""Draw the cells whose memory and speed are measured, and say which are held out. Run once, before the first of them.

    python research/measurements/draw_memory_cells.py

Writes qwen_recipes/estimate/measured/cells.json. A cell trains four steps on rows of exactly `seq` tokens. `plain` is a
loop over transformers and peft (autocast, fused AdamW, adapters in float32, `prepare_model_for_kbit_training`, all
weights in bf16), `llamafactory` is that framework's own trainer on what we compile. `cap_gb` limits the allocator
(`set_per_process_memory_fraction`); those cells lie near the edge by a first estimate, whose verdict is `expected`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes.qwen.facts import ModelFacts, count_lora_parameters
from qwen_recipes.qwen.registry import REGISTRY

OUT = Path(__file__).resolve().parents[2] / "qwen_recipes/estimate/measured/cells.json"
SEED = 20261125
GIB = 2**30
CARD_GIB = 72
CAPS = (8, 12, 16, 24)
MOST_TOKENS = {"0.6B": 32_768, "1.7B": 32_768, "4B": 16_384, "8B": 8_192, "14B": 4_096}
BITS = {"qlora": 4, "qdora": 4, "8bit": 8}
PLAN = {
    "plain": {
        "0.6B": {"lora": 6, "qlora": 4, "full": 4, "dora": 2, "qdora": 2, "8bit": 2},
        "1.7B": {"lora": 5, "qlora": 4, "full": 3, "dora": 2, "qdora": 1, "8bit": 1},
        "4B": {"lora": 4, "qlora": 5, "full": 2, "dora": 2, "qdora": 2, "8bit": 2},
        "8B": {"lora": 3, "qlora": 4, "full": 1},
        "14B": {"lora": 1, "qlora": 3},
    },
    "llamafactory": {
        "0.6B": {"lora": 3, "qlora": 2, "full": 4, "dora": 1, "qdora": 1, "8bit": 1},
        "1.7B": {"lora": 3, "qlora": 3, "full": 2, "dora": 1, "8bit": 1},
        "4B": {"lora": 2, "qlora": 3, "qdora": 1},
    },
}
"""How many cells of each stack, size and method."""
FITTED = {"plain": 0.38, "llamafactory": 0.4}

MemoryCell = dict[str, Any]


def estimate_rough_peak(cell: MemoryCell) -> float:
    """GiB at the peak, roughly: from the thirteen cells known before. Serves to choose cells, and for nothing else."""
    facts = REGISTRY[f"Qwen/Qwen3-{cell['size']}"]
    tokens = cell["seq"] * cell["micro_batch"]
    weights, trained = _weight_bytes(cell, facts)
    kept = facts.layers * tokens * facts.hidden_size * (4 if cell["bits"] != 16 else 2)
    logits = (1.0 if cell["liger"] else 12.2) * tokens * facts.vocab_size
    layer = tokens * _layer_bytes(facts) * (0.7 if cell["liger"] else 1.0)
    inside = layer * (facts.layers if not cell["checkpointing"] else 2)
    if cell["bits"] == 8:
        kept += facts.layers * tokens * 6 * (5 * facts.hidden_size + facts.heads * 128 + facts.intermediate_size)
    return float(weights + trained + kept + max(logits, inside) + (logits if not cell["checkpointing"] else 0)) / GIB


def _weight_bytes(cell: MemoryCell, facts: ModelFacts) -> tuple[float, float]:
    adam = {"adamw": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2}[cell["optimizer"]]
    if cell["method"] == "full":
        stored = 2 if cell["stack"] == "plain" else 4
        return facts.parameters * stored, facts.parameters * (stored + adam * stored / 4 if adam == 8 else stored + 2)
    adapter = count_lora_parameters(facts, cell["rank"], facts.linear_modules) * (8 + adam)
    if cell["bits"] == 16:
        return facts.parameters * 2, adapter
    rest = facts.hidden_size * facts.vocab_size * (6 if cell["stack"] == "plain" else 2)
    return facts.linear_parameters * (0.52 if cell["bits"] == 4 else 1.0) + rest, adapter


def _layer_bytes(facts: ModelFacts) -> int:
    query, key = facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    return 18 * facts.hidden_size + 10 * query + 8 * key + 8 * facts.intermediate_size


def draw_cell(rng: random.Random, stack: str, size: str, method: str, cap: int | None = None) -> MemoryCell:
    """One cell, its other factors by chance, within what the card holds."""
    while True:
        cell: MemoryCell = {
            "stack": stack,
            "size": size,
            "method": method,
            "rank": 0 if method == "full" else rng.choice((8, 16, 16, 32, 64, 128)),
            "bits": BITS.get(method, 16),
            "seq": rng.choice((1024, 2048, 2048, 4096, 4096, 8192, 16_384)),
            "micro_batch": rng.choice((1, 1, 2, 4, 8)),
            "checkpointing": rng.random() < 0.72,
            "liger": rng.random() < 0.5,
            "optimizer": rng.choice(("adamw", "adamw", "adamw_8bit", "paged_adamw_8bit")),
            "cap_gb": cap,
        }
        estimate = estimate_rough_peak(cell)
        few = cell["seq"] * cell["micro_batch"] <= MOST_TOKENS[size]
        if few and (0.72 * cap <= estimate <= 1.12 * cap if cap else estimate <= CARD_GIB):
            return cell | {"estimate_gib": round(estimate, 2)}


def format_cell_id(cell: MemoryCell) -> str:
    """What a person calls it."""
    parts = [cell["stack"], cell["size"], cell["method"]]
    parts += [f"r{cell['rank']}"] if cell["rank"] else []
    parts += [f"{cell['seq']}x{cell['micro_batch']}", "ckpt" if cell["checkpointing"] else "nockpt"]
    parts += ["liger"] if cell["liger"] else []
    parts += [cell["optimizer"]] + ([f"cap{cell['cap_gb']}"] if cell["cap_gb"] else [])
    return "-".join(parts)


def draw_open_cells(rng: random.Random) -> Iterator[MemoryCell]:
    """Those that have the whole card."""
    for stack, sizes in PLAN.items():
        for size, methods in sizes.items():
            for method, count in methods.items():
                for cell in _draw_distinct(rng, stack, size, method, count):
                    fitted = rng.random() < FITTED[stack]
                    yield {"id": format_cell_id(cell), "split": "fitted" if fitted else "held-out", **cell}


def _draw_distinct(rng: random.Random, stack: str, size: str, method: str, count: int) -> list[MemoryCell]:
    found: dict[str, MemoryCell] = {}
    while len(found) < count:
        cell = draw_cell(rng, stack, size, method)
        found.setdefault(format_cell_id(cell), cell)
    return list(found.values())


def draw_capped_cells(rng: random.Random) -> Iterator[MemoryCell]:
    """Five near the edge of each cap, all held out."""
    sizes = {8: ("0.6B", "1.7B", "4B"), 12: ("0.6B", "1.7B", "4B"), 16: ("1.7B", "4B", "8B"), 24: ("4B", "8B", "14B")}
    for cap in CAPS:
        for index in range(5):
            method = ("qlora", "lora", "qlora", "qdora", "lora")[index]
            while True:
                cell = draw_cell(rng, "plain", rng.choice(sizes[cap]), method, cap)
                expected = "trained" if cell["estimate_gib"] < 0.92 * cap else "out of memory"
                if expected == ("trained", "out of memory")[index % 2]:
                    break
            yield {"id": format_cell_id(cell), "split": "held-out", **cell, "expected": expected}


def main() -> None:
    rng = random.Random(SEED)
    cells = list(draw_open_cells(rng))
    rng.shuffle(cells)
    cells += draw_capped_cells(rng)
    lines = ",\n".join("  " + json.dumps(cell) for cell in cells)
    OUT.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
