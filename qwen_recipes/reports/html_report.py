"""A page about runs: one file that opens offline, no script in it. Curves, figures, what was planned, what differs."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from qwen_recipes import __version__
from qwen_recipes.reports import run_diff
from qwen_recipes.reports.page import render_page
from qwen_recipes.reports.svg_charts import COLOURS, Curve, draw_line_chart
from qwen_recipes.runs.metrics import StepMetrics, read_metrics
from qwen_recipes.runs.progress_bar import format_duration
from qwen_recipes.runs.record import LOG_FILE, RunRecord
from qwen_recipes.runs.trainer_logs import read_losses
from qwen_recipes.sizes import format_bytes

_CHARTS = (("loss", "Training loss"), ("eval_loss", "Validation loss"), ("learning_rate", "Learning rate"))


def render_run_report(records: list[RunRecord]) -> str:
    """The page, as HTML. Curves are those of the runs' output folders."""
    names = _get_run_names(records)
    named = list(zip(records, names, strict=True))
    return render_page(
        "run_report",
        title=", ".join(names),
        heading=" and ".join(names) if len(names) < 3 else f"{len(names)} runs",
        names=names,
        colours=COLOURS,
        summary=list_summary_rows(records),
        charts=_draw_charts([_read_curve(record) for record in records], names),
        estimates=[(name, _list_estimate_cells(record)) for record, name in named],
        differences=[_list_differences(one, other) for one, other in combinations(named, 2)],
        recipes=[(name, record.recipe["text"], _list_plan_rows(record)) for record, name in named],
        version=__version__,
    )


def _get_run_names(records: list[RunRecord]) -> list[str]:
    """The runs' names, or their folders' where two have the same."""
    names = [record.name for record in records]
    return names if len(set(names)) == len(names) else [Path(record.output).name for record in records]


def _read_curve(record: RunRecord) -> list[StepMetrics]:
    """The curve that was kept; where none was, the losses of the framework's own files."""
    output = Path(record.output)
    if points := read_metrics(output):
        return points
    losses = read_losses(output, output / LOG_FILE)
    evaluation = dict(losses.evaluation)
    return [StepMetrics(step, loss=loss, eval_loss=evaluation.get(step)) for step, loss in losses.train]


def _draw_charts(curves: list[list[StepMetrics]], names: list[str]) -> list[tuple[str, str]]:
    """Title and SVG of each chart that has a line."""
    found = []
    for field, title in _CHARTS:
        lines = [
            Curve(name, [(point.step, value) for point in points if (value := getattr(point, field)) is not None])
            for name, points in zip(names, curves, strict=True)
        ]
        if any(len(line.points) > 1 for line in lines):
            found.append((f"{title} by optimizer step", draw_line_chart(lines, title)))
    return found


def draw_run_charts(record: RunRecord) -> list[tuple[str, str]]:
    """Title and SVG of each chart of one run that has a line."""
    return _draw_charts([_read_curve(record)], [record.name])


def list_summary_rows(records: list[RunRecord]) -> list[tuple[str, list[str]]]:
    """What is to be known of runs at a glance: a row for each fact, a cell for each run."""
    return [
        ("status", [_describe_end(record) for record in records]),
        ("started", [record.started for record in records]),
        ("duration", [format_duration(record.seconds) if record.seconds is not None else "" for record in records]),
        ("framework", [" ".join(record.backend.values()) for record in records]),
        ("GPUs", [", ".join(gpu["name"] for gpu in record.gpus) or "none" for record in records]),
        ("steps", [f"{record.steps} of {record.planned_steps}" for record in records]),
        ("training loss", [_format_loss_change(record.first_loss, record.last_loss) for record in records]),
        ("validation loss", [_format_number(record.last_eval_loss) for record in records]),
        (
            "tokens per second",
            [_format_number(record.metrics.get("tokens_per_second"), "{:,.0f}") for record in records],
        ),
        ("rows", [_format_row_counts(record) for record in records]),
        ("complete checkpoints", [str(sum(one["damage"] is None for one in record.checkpoints)) for record in records]),
        ("folder", [record.output for record in records]),
    ]


def _list_estimate_cells(record: RunRecord) -> list[str]:
    """What the estimate said against what was measured."""
    planned, metrics = record.planned or {}, record.metrics
    memory, pace = metrics.get("peak_memory"), metrics.get("seconds_per_step")
    return [
        format_bytes(planned["peak"]) if planned.get("peak") else "not estimated",
        f"{format_bytes(memory)} ({metrics.get('memory_of')})" if memory else "not measured",
        format_duration(planned["seconds"]) if planned.get("seconds") else "not estimated",
        format_duration(pace * record.steps) if pace and record.steps else "not measured",
    ]


def _list_differences(
    first: tuple[RunRecord, str], second: tuple[RunRecord, str]
) -> tuple[str, str, list[tuple[str, str, str, str]]]:
    """The two names, and a row for each value that differs, results left out."""
    rows = [
        (name, one.what, run_diff.format_value(one.first), run_diff.format_value(one.second))
        for name, found in run_diff.compare_runs(first[0], second[0])
        if name != "result"
        for one in found
    ]
    return first[1], second[1], rows


def _list_plan_rows(record: RunRecord) -> list[tuple[str, str, str, str]]:
    return [(row["field"], run_diff.format_value(row["value"]), row["origin"], row["reason"]) for row in record.plan]


def _describe_end(record: RunRecord) -> str:
    again = f", resumed {len(record.attempts)} times" if record.attempts else ""
    cause = f" ({record.cause})" if record.cause else ""
    return record.state + (f": {record.problem}{cause}" if record.problem else "") + again


def _format_row_counts(record: RunRecord) -> str:
    return ", ".join(f"{count} {name}" for name, count in record.rows.items()) if record.rows else ""


def _format_loss_change(first: float | None, last: float | None) -> str:
    return "" if first is None or last is None else f"{first:.4g} to {last:.4g}"


def _format_number(value: float | None, form: str = "{:.4g}") -> str:
    return "" if value is None else form.format(value)
