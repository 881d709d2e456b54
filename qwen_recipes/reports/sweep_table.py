"""The trials of a sweep as a table: for a terminal, as CSV, as JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

from qwen_recipes.runs.sweep_record import SweepRecord


def list_sweep_rows(record: SweepRecord) -> list[dict[str, object]]:
    """Rows by column, the best first: rank, name, each swept field, the metric, how the trial ended."""
    return [
        {
            "rank": row.rank,
            "trial": row.name,
            **{field: row.values.get(field) for field in _list_fields(record)},
            record.metric: row.metric,
            "status": row.status,
            "steps": row.steps,
            "seconds": row.seconds,
            "problem": row.problem,
        }
        for row in record.list_ranked()
    ]


def _list_fields(record: SweepRecord) -> list[str]:
    return list(dict.fromkeys([*record.fields, *(field for row in record.trials for field in row.values)]))


def format_sweep_table(record: SweepRecord) -> str:
    """The table for a terminal."""
    rows = list_sweep_rows(record)
    if not rows:
        return "no trials"
    head = [name.rpartition(".")[2] if name.count(".") else name for name in rows[0]]
    cells = [head, *([_format_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def format_sweep_csv(record: SweepRecord) -> str:
    """The table as CSV, with a header."""
    rows = list_sweep_rows(record)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def sweep_as_json(record: SweepRecord) -> dict[str, object]:
    """The record, its trials the best first."""
    return {**asdict(record), "trials": [asdict(row) for row in record.list_ranked()]}


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
