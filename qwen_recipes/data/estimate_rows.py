"""A look at a recipe's rows that costs nothing: how many there are, and roughly how long. Reads a megabyte at most."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from qwen_recipes.filesystem.read_file import read_head

MAX_SAMPLED_ROWS = 200
"""Rows of a file that are cut into examples to see how many there are."""
SAMPLE_BYTES = 1 << 20
"""Bytes that are read of a file."""
BYTES_PER_TOKEN = 4.0
"""JSON of English chat a token, keys included: 4.5 plain, 2.9 with tools (examples/data, Qwen3's tokenizer)."""


def estimate_sources(sources: Iterable[tuple[Sequence[Path], int | None, float]]) -> tuple[int, float] | None:
    """Rows to train on and their mean bytes, over sources: each its files, its first rows that are meant, its weight.

    None where a file is not there or is not JSONL. Raises OSError.
    """
    count, size = 0.0, 0.0
    for paths, most_rows, weight in sources:
        seen = estimate_rows(paths)
        if seen is None:
            return None
        rows = weight * (seen[0] if most_rows is None else min(most_rows, seen[0]))
        count, size = count + rows, size + rows * seen[1]
    return (round(count), size / count) if count else None


def estimate_rows(paths: Sequence[Path]) -> tuple[int, float] | None:
    """Rows and mean bytes of a row over local JSONL files; None where one is not there or is of another kind.

    Raises OSError.
    """
    count, size = 0.0, 0
    for path in paths:
        if path.suffix != ".jsonl" or not path.is_file():
            return None
        whole = path.stat().st_size
        head = read_head(path, SAMPLE_BYTES)
        rows = sum(1 for line in head.split(b"\n") if line.strip())
        count += rows * whole / len(head) if head else 0
        size += whole
    return (round(count), size / count) if count else None


def count_examples(paths: Sequence[Path], make_examples: Callable[[object], list[str]]) -> tuple[float, float]:
    """Examples that a row becomes, and their mean size as a share of the row's, over the first rows of the files.

    `make_examples` gives the texts of a row's examples, the row's own text first. (1, 1) where no row can be read.
    """
    rows, examples, size, whole = 0, 0, 0, 0
    for path in paths:
        lines = read_head(path, SAMPLE_BYTES // 4).splitlines()[:MAX_SAMPLED_ROWS]
        for line in lines:
            try:
                own, *texts = make_examples(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            rows, examples = rows + 1, examples + len(texts)
            size, whole = size + sum(map(len, texts)), whole + len(own)
    if not rows or not examples or not whole:
        return 1.0, 1.0
    return examples / rows, (size / examples) / (whole / rows)
