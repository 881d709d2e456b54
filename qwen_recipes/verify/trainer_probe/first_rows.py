"""The recipe's own first rows, copied for the probe in the shape that they have."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from qwen_recipes.backends.plan import DataPlan, SourcePlan
from qwen_recipes.data.local_source import list_local_sources, to_source_spec
from qwen_recipes.data.rows.sources import read_source_rows
from qwen_recipes.filesystem.replace_file import replace_file

ROWS = 200
"""Of each source, where nothing else is said."""


def copy_first_rows(data: DataPlan, base: Path, folder: Path, count: int) -> DataPlan:
    """The first `count` rows of each source in files below `folder`, and the plan that names them.

    Raises OSError or MissingSourceError where a source can't be read, ModuleNotFoundError where pyarrow is missing.
    """
    return replace(
        data,
        train=tuple(_copy_source(one, base, folder / f"train-{one.name}.jsonl", count) for one in data.train),
        validation=tuple(
            _copy_source(one, base, folder / f"validation-{one.name}.jsonl", count) for one in data.validation
        ),
    )


def _copy_source(source: SourcePlan, base: Path, file: Path, count: int) -> SourcePlan:
    """The rows of a data set on the hub are those of a sample of it."""
    local = list_local_sources(source, base)
    rows = islice(chain.from_iterable(_read_rows(_name_from_here(one)) for one in local), count)
    replace_file(file, "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows))
    return replace(source, path=str(file), encoding=None, hub=None, subset=None, split=None, revision=None)


def _name_from_here(source: SourcePlan) -> SourcePlan:
    return replace(source, path=os.path.relpath(source.path)) if source.path else source


def _read_rows(source: SourcePlan) -> Iterator[object]:
    for _, _, row, problem in read_source_rows(to_source_spec(source)):
        if not problem:
            yield row
