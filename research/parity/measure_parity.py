"""Encode the made conversations with each framework, natively and exactly, and hold them against our definition.

`python -m research.parity.measure_parity --out research/parity/results.json [--rows N] [--seed S]`, with every CPU
environment built. What stands in the
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

from qwen_recipes.backends import load_backend
from qwen_recipes.data.encoder import Encoder, build_encoder
from qwen_recipes.environments.environment import get_managed_environment
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.compare import compare_tokens
from qwen_recipes.verify.encoding_jobs import (
    EncoderFailedError,
    EncodingJob,
    align_answers,
    prepare_job,
    run_encoder,
)
from qwen_recipes.verify.report import format_context
from qwen_recipes.verify.row_sample import SampledRow, sample_rows
from research.parity.conversations import make_conversations, make_texts
from research.parity.parity_cells import BACKENDS, ParityCell, list_cells
from research.parity.supported_cases import is_supported

SAMPLED_ROWS: dict[tuple[str, str], tuple[list[SampledRow], Encoder]] = {}
"""Our own encoding by variant and option: neither the framework nor `chat.encoding` changes it."""


def write_rows(folder: Path, rows: int, seed: int) -> None:
    """The files that cells read: conversations, a tenth as many for the options, and plain texts."""
    made = {
        "rows.jsonl": make_conversations(rows, seed),
        "some.jsonl": make_conversations(rows // 10, seed + 1),
        "texts.jsonl": make_texts(rows // 10, seed + 2),
    }
    for name, lines in made.items():
        (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines), "utf-8")


def read_cases(file: Path) -> list[str]:
    """The case of each row of a file."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line)["case"] for line in lines]


def prepare_cell(backend: str, cell: ParityCell, folder: Path) -> tuple[list[SampledRow], EncodingJob]:
    """The rows that our definition takes, and the framework's job. Raises RecipeError where it is refused."""
    name = f"{cell.variant}-{cell.encoding}-{cell.option}".replace(": ", "-").replace(" ", "-")
    loaded = load_recipe_text(cell.render_recipe(), f"{name}.yaml", folder)
    plan = resolve(loaded, load_backend(backend))
    if (cell.variant, cell.option) not in SAMPLED_ROWS:
        encoder = build_encoder(plan, folder)
        SAMPLED_ROWS[cell.variant, cell.option] = sample_rows(plan, folder, encoder, None).rows, encoder
    picked, _ = SAMPLED_ROWS[cell.variant, cell.option]
    return picked, prepare_job(loaded, plan, load_backend(backend), picked, folder / name)


def score_cell(
    picked: list[SampledRow], job: EncodingJob, cases: Sequence[str], backend: str, cell: ParityCell
) -> dict[str, Any]:
    """Counts over the cases that the framework takes, and every kind of difference with its first row."""
    try:
        by_row = align_answers(job)
    except EncoderFailedError as refusal:
        return {**_cell_fields(backend, cell), "refused": str(refusal)}
    counts = {"given": len(picked), "rows": 0, "ids": 0, "labels": 0}
    differing: dict[tuple[str, str, str], dict[str, Any]] = {}
    encoder = SAMPLED_ROWS[cell.variant, cell.option][1]
    for place, row in enumerate(picked):
        case, theirs = cases[row.line - 1], by_row.get(place)
        taken = is_supported(backend, cell, case)
        difference = compare_tokens(row.encoded, theirs)
        counts["rows"] += taken
        counts["ids"] += taken and difference.verdict in ("same", "labels")
        counts["labels"] += taken and difference.verdict == "same"
        if difference.verdict == "same":
            continue
        key = case, difference.verdict, difference.kind
        if key not in differing:
            named = dict(zip(("case", "verdict", "kind"), key, strict=True))
            ours, other = format_context(row, theirs or {}, difference, encoder)
            shown = {"line": row.line, "token": difference.position, "ours": ours, "theirs": other}
            differing[key] = {**named, "taken": taken, "rows": 0, "example": shown}
        differing[key]["rows"] += 1
    return {**_cell_fields(backend, cell), **counts, "differing": [differing[key] for key in sorted(differing)]}


def _cell_fields(backend: str, cell: ParityCell) -> dict[str, str]:
    return {"backend": backend, "option": cell.option, "variant": cell.variant, "encoding": cell.encoding}


def measure_cells(backend: str, pending: Sequence[ParityCell], folder: Path) -> Iterator[dict[str, Any]]:
    """The cells of one framework, which is imported once."""
    ready = {}
    for cell in pending:
        try:
            ready[cell] = prepare_cell(backend, cell, folder)
        except RecipeError as refusal:
            errors = [f"{f.message}: {f.why}" for f in refusal.findings if f.severity == "error"]
            yield {**_cell_fields(backend, cell), "refused": "; ".join(errors)}
    started = time.time()
    if ready:
        run_encoder(
            backend,
            get_managed_environment(load_backend(backend), "cpu").interpreter,
            [job for _, job in ready.values()],
        )
    print(f"{backend}, {pending[0].option}: {time.time() - started:.0f} s", flush=True)
    for cell, (picked, job) in ready.items():
        yield score_cell(picked, job, read_cases(folder / cell.rows_file), backend, cell)


def _load_results(file: Path, rows: int, seed: int) -> list[dict[str, Any]]:
    found = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    same = (found.get("rows"), found.get("seed")) == (rows, seed)
    return list(found["cells"]) if same else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2040)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="All where left out.")
    given = parser.parse_args()
    results = _load_results(given.out, given.rows, given.seed)
    done = [(r["backend"], ParityCell(r["variant"], r["encoding"], r["option"])) for r in results]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_rows(folder, given.rows, given.seed)
        for backend in given.backend or BACKENDS:
            for _, group in groupby(list_cells(), lambda cell: cell.option):
                todo = [cell for cell in group if (backend, cell) not in done]
                if todo:
                    results += measure_cells(backend, todo, folder)
                    text = json.dumps({"rows": given.rows, "seed": given.seed, "cells": results}, indent=1)
                    given.out.write_text(text + "\n", "utf-8")
    for r in results:
        said = r["refused"][:80] if "refused" in r else f"{r['rows']} {r['ids']} {r['labels']}"
        print(r["backend"], r["option"], r["variant"], r["encoding"], said)


if __name__ == "__main__":
    main()
