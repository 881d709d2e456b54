"""Encode the made conversations with each framework, natively and exactly, and hold them against our definition.

`run.py --out scripts/parity/results.json [--rows N] [--seed S]`, with every CPU environment built. What stands in the
file already is kept where rows and seed are the same, so that a run that was cut goes on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from qwen_recipes.backends import backend_named
from qwen_recipes.data.labels import Encoder, encoder_of
from qwen_recipes.launch.environment import managed
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.load import load_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.compare import compare
from qwen_recipes.verify.jobs import EncoderFailed, Job, aligned, prepare
from qwen_recipes.verify.jobs import run as let_encode
from qwen_recipes.verify.report import in_context
from qwen_recipes.verify.rows import Picked, sample
from scripts.parity.cells import BACKENDS, Cell, cells
from scripts.parity.conversations import conversations, texts
from scripts.parity.supported import supported

PICKED: dict[tuple[str, str], tuple[list[Picked], Encoder]] = {}
"""Our own encoding by variant and option: neither the framework nor `chat.encoding` changes it."""


def write_rows(folder: Path, rows: int, seed: int) -> None:
    """The files that cells read: conversations, a tenth as many for the options, and plain texts."""
    made = {
        "rows.jsonl": conversations(rows, seed),
        "some.jsonl": conversations(rows // 10, seed + 1),
        "texts.jsonl": texts(rows // 10, seed + 2),
    }
    for name, lines in made.items():
        (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines), "utf-8")


def cases(file: Path) -> list[str]:
    """The case of each row of a file."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line)["case"] for line in lines]


def prepared(backend: str, cell: Cell, folder: Path) -> tuple[list[Picked], Job]:
    """The rows that our definition takes, and the framework's job. Raises RecipeError where it is refused."""
    name = f"{cell.variant}-{cell.encoding}-{cell.option}".replace(": ", "-").replace(" ", "-")
    loaded = load_text(cell.recipe(), f"{name}.yaml", folder)
    plan = resolve(loaded, backend_named(backend))
    if (cell.variant, cell.option) not in PICKED:
        encoder = encoder_of(plan, folder)
        PICKED[cell.variant, cell.option] = sample(plan, folder, encoder, None).rows, encoder
    picked, _ = PICKED[cell.variant, cell.option]
    return picked, prepare(loaded, plan, backend_named(backend), [p.row for p in picked], folder / name)


def judged(picked: list[Picked], job: Job, of: Sequence[str], backend: str, cell: Cell) -> dict[str, Any]:
    """Counts over the cases that the framework takes, and every kind of difference with its first row."""
    try:
        by_row = aligned(len(picked), job)
    except EncoderFailed as refusal:
        return {**_named(backend, cell), "refused": str(refusal)}
    counts = {"given": len(picked), "rows": 0, "ids": 0, "labels": 0}
    differing: dict[tuple[str, str, str], dict[str, Any]] = {}
    encoder = PICKED[cell.variant, cell.option][1]
    for place, row in enumerate(picked):
        case, theirs = of[row.line - 1], by_row.get(place)
        taken = supported(backend, cell, case)
        difference = compare(row.encoded, theirs)
        counts["rows"] += taken
        counts["ids"] += taken and difference.verdict in ("same", "labels")
        counts["labels"] += taken and difference.verdict == "same"
        if difference.verdict == "same":
            continue
        key = case, difference.verdict, difference.kind
        if key not in differing:
            named = dict(zip(("case", "verdict", "kind"), key, strict=True))
            ours, other = in_context(row, theirs or {}, difference, encoder)
            shown = {"line": row.line, "token": difference.at, "ours": ours, "theirs": other}
            differing[key] = {**named, "taken": taken, "rows": 0, "example": shown}
        differing[key]["rows"] += 1
    return {**_named(backend, cell), **counts, "differing": [differing[key] for key in sorted(differing)]}


def _named(backend: str, cell: Cell) -> dict[str, str]:
    return {"backend": backend, "option": cell.option, "variant": cell.variant, "encoding": cell.encoding}


def measured(backend: str, todo: Sequence[Cell], folder: Path) -> Iterator[dict[str, Any]]:
    """The cells of one framework, which is imported once."""
    ready = {}
    for cell in todo:
        try:
            ready[cell] = prepared(backend, cell, folder)
        except RecipeError as refusal:
            errors = [f"{f.message}: {f.why}" for f in refusal.findings if f.severity == "error"]
            yield {**_named(backend, cell), "refused": "; ".join(errors)}
    started = time.time()
    if ready:
        let_encode(backend, managed(backend_named(backend), "cpu").interpreter, [job for _, job in ready.values()])
    print(f"{backend}, {todo[0].option}: {time.time() - started:.0f} s", flush=True)
    for cell, (picked, job) in ready.items():
        yield judged(picked, job, cases(folder / cell.rows), backend, cell)


def _kept(file: Path, rows: int, seed: int) -> list[dict[str, Any]]:
    found = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    same = (found.get("rows"), found.get("seed")) == (rows, seed)
    return list(found["cells"]) if same else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2040)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="All three where left out.")
    given = parser.parse_args()
    results = _kept(given.out, given.rows, given.seed)
    done = [(r["backend"], Cell(r["variant"], r["encoding"], r["option"])) for r in results]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_rows(folder, given.rows, given.seed)
        for backend in given.backend or BACKENDS:
            for _, group in groupby(cells(), lambda cell: cell.option):
                todo = [cell for cell in group if (backend, cell) not in done]
                if todo:
                    results += measured(backend, todo, folder)
                    text = json.dumps({"rows": given.rows, "seed": given.seed, "cells": results}, indent=1)
                    given.out.write_text(text + "\n", "utf-8")
    for r in results:
        said = r["refused"][:80] if "refused" in r else f"{r['rows']} {r['ids']} {r['labels']}"
        print(r["backend"], r["option"], r["variant"], r["encoding"], said)


if __name__ == "__main__":
    main()
