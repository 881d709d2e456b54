"""The recipe's own first rows, copied for the probe in the shape that they have."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import DataPlan, SourcePlan
from qwen_recipes.data.rows.sources import read_source_rows
from qwen_recipes.verify.trainer_probe.probe_plan import NotProbedError

ROWS = 200
"""Of each source, where nothing else is said."""


def copy_first_rows(data: DataPlan, base: Path, folder: Path, count: int) -> DataPlan:
    """The first `count` rows of each source in files below `folder`, and the plan that names them.

    Raises OSError or MissingSourceError where a source can't be read, ModuleNotFoundError where pyarrow is missing,
    NotProbedError for rows on the hub.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return replace(
        data,
        train=tuple(_copy_source(one, base, folder / f"train-{one.name}.jsonl", count) for one in data.train),
        validation=tuple(
            _copy_source(one, base, folder / f"validation-{one.name}.jsonl", count) for one in data.validation
        ),
    )


def _copy_source(source: SourcePlan, base: Path, file: Path, count: int) -> SourcePlan:
    if source.path is None:
        raise NotProbedError(
            f"the rows of {source.hub} are on the hub, which a probe does not read; save some of them to a file and "
            "name it with --set data.train=FILE"
        )
    rows = islice(_read_rows({**asdict(source), "path": os.path.relpath(base / source.path)}), count)
    file.write_text("".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows), "utf-8")
    return replace(source, path=str(file))


def _read_rows(source: dict[str, Any]) -> Iterator[Any]:
    for _, _, row, problem in read_source_rows(source):
        if not problem:
            yield row
