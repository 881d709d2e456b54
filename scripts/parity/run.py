"""Encode the made conversations with each framework, natively and exactly, and hold them against our definition.

`run.py --out scripts/parity/results.json [--rows N] [--seed S]`, with every CPU environment built. Twenty minutes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from qwen_recipes.backends import backend_named
from qwen_recipes.data.labels import encoder_of
from qwen_recipes.launch.environment import managed
from qwen_recipes.recipe.load import load_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.compare import compare
from qwen_recipes.verify.jobs import Job, aligned, prepare
from qwen_recipes.verify.jobs import run as let_encode
from qwen_recipes.verify.rows import Picked, sample
from scripts.parity.conversations import conversations
from scripts.parity.supported import supported

BACKENDS = ("axolotl", "llamafactory", "ms-swift")
MODELS = {
    "hybrid": "Qwen/Qwen3-4B",
    "base": "Qwen/Qwen3-4B-Base",
    "instruct-2507": "Qwen/Qwen3-4B-Instruct-2507",
    "thinking-2507": "Qwen/Qwen3-4B-Thinking-2507",
}
ENCODINGS = ("native", "exact")
PICKED: dict[str, list[Picked]] = {}
"""Our own encoding by variant: neither the framework nor `chat.encoding` changes it."""
RECIPE = """version: 1
model: {model}
data: {{train: rows.jsonl}}
chat: {{encoding: {encoding}}}
training: {{sequence_length: 16384, micro_batch_size: 1, batch_size: 1}}
hardware: {{device: cpu}}
"""


def prepared(backend: str, variant: str, encoding: str, folder: Path) -> tuple[list[Picked], Job]:
    """The rows that our definition takes, and the framework's job."""
    text = RECIPE.format(model=MODELS[variant], encoding=encoding)
    loaded = load_text(text, f"{variant}.yaml", folder)
    plan = resolve(loaded, backend_named(backend))
    if variant not in PICKED:
        PICKED[variant] = sample(plan, folder, encoder_of(plan, folder), None).rows
    picked = PICKED[variant]
    job = prepare(loaded, plan, backend_named(backend), [p.row for p in picked], folder / variant / encoding)
    return picked, job


def judged(
    picked: list[Picked], job: Job, cases: list[str], backend: str, variant: str, encoding: str
) -> dict[str, Any]:
    """Counts of one framework, variant and encoding over the cases it takes, and every kind of difference."""
    by_row = aligned(len(picked), job)
    found: dict[str, Any] = {"backend": backend, "variant": variant, "encoding": encoding}
    found |= {"rows": 0, "ids": 0, "labels": 0}
    differing: Counter[tuple[str, str, str, bool]] = Counter()
    for place, row in enumerate(picked):
        case = cases[row.line - 1]
        taken = supported(backend, variant, encoding, case)
        difference = compare(row.encoded, by_row.get(place))
        if taken:
            found["rows"] += 1
            found["ids"] += difference.verdict in ("same", "labels")
            found["labels"] += difference.verdict == "same"
        if difference.verdict != "same":
            differing[case, difference.verdict, difference.kind, taken] += 1
    found["differing"] = [[*key, count] for key, count in sorted(differing.items())]
    return found


def measured(backend: str, cells: list[tuple[str, str]], cases: list[str], folder: Path) -> list[dict[str, Any]]:
    """All variants and encodings of one framework, which is imported once."""
    ready = {cell: prepared(backend, *cell, folder) for cell in cells}
    started = time.time()
    let_encode(backend, managed(backend_named(backend), "cpu").interpreter, [job for _, job in ready.values()])
    print(f"{backend}: {time.time() - started:.0f} s", flush=True)
    return [judged(*ready[cell], cases, backend, *cell) for cell in cells]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2040)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rows = conversations(given.rows, given.seed)
    cells = [(variant, encoding) for variant in MODELS for encoding in ENCODINGS]
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        for backend in BACKENDS:
            results += measured(backend, cells, [row["case"] for row in rows], folder)
            text = json.dumps({"rows": given.rows, "seed": given.seed, "cells": results}, indent=1)
            given.out.write_text(text + "\n", "utf-8")
    for cell in results:
        print(cell["backend"], cell["variant"], cell["encoding"], cell["rows"], cell["ids"], cell["labels"])


if __name__ == "__main__":
    main()
