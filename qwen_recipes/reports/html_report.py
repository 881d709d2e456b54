"""A page about runs: one file that opens offline, no script in it. Curves, figures, what was planned, what differs."""

from __future__ import annotations

from html import escape
from itertools import combinations
from pathlib import Path

from qwen_recipes import __version__
from qwen_recipes.reports import run_diff
from qwen_recipes.reports.svg_chart import COLOURS, Curve, draw_chart
from qwen_recipes.runs.metrics import StepMetrics, read_metrics
from qwen_recipes.runs.progress_bar import format_bytes, format_duration
from qwen_recipes.runs.record import LOG_FILE, RunRecord
from qwen_recipes.runs.trainer_logs import read_losses

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #d0d7de;padding-bottom:.2rem}
table{border-collapse:collapse;width:100%;font-size:14px}td,th{text-align:left;padding:.25rem .6rem;vertical-align:top;
border-bottom:1px solid #eaeef2}td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:13px}
.dot{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.4em}p.note{color:#57606a}
svg text{font:12px system-ui,sans-serif;fill:#57606a}figure{margin:1rem 0}figcaption{color:#57606a;font-size:13px}
"""


def render_run_report(records: list[RunRecord]) -> str:
    """The page, as HTML. Curves are those of the runs' output folders."""
    curves = [_read_curve(record) for record in records]
    names = _get_run_names(records)
    body = [
        f"<h1>{escape(' and '.join(names) if len(names) < 3 else f'{len(names)} runs')}</h1>",
        _render_summary(records, names),
        _render_charts(curves, names),
        _render_estimates(records, names),
        *(_render_differences(one, other) for one, other in combinations(list(zip(records, names, strict=True)), 2)),
        *(_render_recipe(record, name) for record, name in zip(records, names, strict=True)),
        f"<p class=note>Written by qwen-recipes {__version__}.</p>",
    ]
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(", ".join(names))}</title>'
    return f"{head}<style>{_STYLE}</style></head><body>\n" + "\n".join(filter(None, body)) + "\n</body></html>\n"


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


def _render_charts(curves: list[list[StepMetrics]], names: list[str]) -> str:
    wanted = (("loss", "Training loss"), ("eval_loss", "Validation loss"), ("learning_rate", "Learning rate"))
    found = []
    for field, title in wanted:
        lines = [
            Curve(name, [(point.step, value) for point in points if (value := getattr(point, field)) is not None])
            for name, points in zip(names, curves, strict=True)
        ]
        if any(len(line.points) > 1 for line in lines):
            found.append(
                f"<figure>{draw_chart(lines, title)}<figcaption>{title} by optimizer step</figcaption></figure>"
            )
    return "<h2>Curves</h2>" + "".join(found) if found else "<p class=note>No metrics were recorded.</p>"


def _render_summary(records: list[RunRecord], names: list[str]) -> str:
    rows = [
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
    head = "".join(
        f'<th><span class=dot style="background:{COLOURS[index % len(COLOURS)]}"></span>{escape(name)}</th>'
        for index, name in enumerate(names)
    )
    return f"<table><tr><th></th>{head}</tr>{''.join(_render_row(name, cells) for name, cells in rows)}</table>"


def _render_estimates(records: list[RunRecord], names: list[str]) -> str:
    """What the estimate said against what was measured; time without loading and saving, which it leaves out."""
    rows = []
    for record, name in zip(records, names, strict=True):
        planned, metrics = record.planned or {}, record.metrics
        memory, pace = metrics.get("peak_memory"), metrics.get("seconds_per_step")
        cells = [
            format_bytes(planned["peak"]) if planned.get("peak") else "not estimated",
            f"{format_bytes(memory)} ({metrics.get('memory_of')})" if memory else "not measured",
            format_duration(planned["seconds"]) if planned.get("seconds") else "not estimated",
            format_duration(pace * record.steps) if pace and record.steps else "not measured",
        ]
        rows.append(_render_row(name, cells))
    head = "<th></th><th>memory, estimated</th><th>measured</th><th>time in steps, estimated</th><th>measured</th>"
    return f"<h2>Estimated and measured</h2><table><tr>{head}</tr>{''.join(rows)}</table>"


def _render_differences(first: tuple[RunRecord, str], second: tuple[RunRecord, str]) -> str:
    sections = run_diff.compare_runs(first[0], second[0])
    rows = [
        f"<tr><td>{escape(name)}</td><td>{escape(one.what)}</td><td>{escape(run_diff.format_value(one.first))}</td>"
        f"<td>{escape(run_diff.format_value(one.second))}</td></tr>"
        for name, found in sections
        if name != "result"
        for one in found
    ]
    title = f"<h2>Differences between {escape(first[1])} and {escape(second[1])}</h2>"
    head = f"<tr><th></th><th></th><th>{escape(first[1])}</th><th>{escape(second[1])}</th></tr>"
    return title + (f"<table>{head}{''.join(rows)}</table>" if rows else "<p>Only the results differ.</p>")


def _render_recipe(record: RunRecord, name: str) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(row['field'])}</code></td><td>{escape(run_diff.format_value(row['value']))}</td>"
        f"<td>{escape(row['origin'])}</td><td>{escape(row['reason'])}</td></tr>"
        for row in record.plan
    )
    text = f"<pre><code>{escape(record.recipe['text'])}</code></pre>"
    head = "<tr><th>field</th><th>value</th><th>source</th><th>reason</th></tr>"
    return (
        f"<h2>Recipe of {escape(name)}</h2>{text}<details><summary>Every resolved value</summary>"
        f"<table>{head}{rows}</table></details>"
    )


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


def _render_row(name: str, cells: list[str]) -> str:
    return f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
