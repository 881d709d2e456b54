"""A page about a sweep: the ranked trials, their curves, and each parameter against the result."""

from __future__ import annotations

import math
from pathlib import Path

from qwen_recipes import __version__
from qwen_recipes.reports.page import render_page
from qwen_recipes.reports.run_diff import format_value
from qwen_recipes.reports.svg_axes import Axes, Scale, draw_svg, draw_text, format_tick
from qwen_recipes.reports.svg_charts import CHART_HEIGHT, CHART_WIDTH, COLOURS, Curve, draw_line_chart
from qwen_recipes.reports.sweep_table import list_sweep_rows
from qwen_recipes.resolve.sweep_metric import get_logged_names
from qwen_recipes.runs.sweep_record import SweepRecord
from qwen_recipes.runs.trial_metrics import read_metric

_LEFT, _RIGHT, _BOTTOM, _TOP = 70, 20, 28, 12
_MAX_CURVES = 12
_LOG_RATIO = 20
"""An axis is logarithmic where its values span more than this."""


def render_sweep_report(record: SweepRecord) -> str:
    """The page, as HTML: one file without scripts."""
    rows = list_sweep_rows(record)
    return render_page(
        "sweep_report",
        title=record.name,
        summary=_describe(record),
        head=list(rows[0]) if rows else [],
        rows=[["" if value is None else format_value(value) for value in row.values()] for row in rows],
        curves=draw_sweep_curves(record),
        parameters=draw_parameter_charts(record),
        names=[row.name for row in record.list_ranked()[:_MAX_CURVES]],
        colours=COLOURS,
        version=__version__,
    )


def _describe(record: SweepRecord) -> str:
    ended = sum(row.status == "finished" for row in record.trials)
    way = "highest" if record.maximize else "lowest"
    best = f" Best: {record.best}." if record.best else ""
    return f"{ended} of {len(record.trials)} trials finished; ranked by {record.metric}, {way} first.{best}"


def draw_sweep_curves(record: SweepRecord) -> list[tuple[str, str]]:
    """Title and SVG of the metric's curve, and of the training loss, of the first trials by rank."""
    found = []
    for name in dict.fromkeys((record.metric, "loss")):
        curves = [
            Curve(row.name, read_metric(Path(record.output) / row.output, get_logged_names(name)))
            for row in record.list_ranked()[:_MAX_CURVES]
        ]
        if any(math.isfinite(value) for curve in curves for _, value in curve.points):
            found.append((f"{name} by optimizer step", draw_line_chart(curves, name)))
    return found


def draw_parameter_charts(record: SweepRecord) -> list[tuple[str, str]]:
    """Title and SVG for each swept field: a point for each trial that was ranked."""
    return [
        (f"{field} against {record.metric}", chart)
        for field in record.fields
        if (chart := _draw_parameter_chart(record, field))
    ]


def _draw_parameter_chart(record: SweepRecord, field: str) -> str:
    found = [
        (row.values.get(field), row.metric, row.name)
        for row in record.trials
        if row.metric is not None and field in row.values
    ]
    if not found:
        return ""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value, _, _ in found):
        places = [float(value) for value, _, _ in found if value is not None]
        ticks = sorted({place: format_tick(place) for place in places}.items())
    else:
        names = list(dict.fromkeys(format_value(value) for value, _, _ in found))
        places = [float(names.index(format_value(value))) for value, _, _ in found]
        ticks = [(float(number), name) for number, name in enumerate(names)]
    axes = Axes(_make_x_scale(places), _make_y_scale([metric for _, metric, _ in found if metric is not None]))
    points = [
        axes.draw_point(place, metric, COLOURS[0], f"{name}: {metric:.6g}", filled=name == record.best)
        for place, (_, metric, name) in zip(places, found, strict=True)
        if metric is not None
    ]
    marks = [draw_text(axes.x.get_pixel(place), CHART_HEIGHT - 8, text, "middle") for place, text in ticks]
    return draw_svg(CHART_WIDTH, CHART_HEIGHT, field, [axes.draw_horizontal_grid(), *marks, *points])


def _make_x_scale(places: list[float]) -> Scale:
    low, high = min(places), max(places)
    start, end = _LEFT + 40, CHART_WIDTH - _RIGHT - 40
    if low > 0 and high / low >= _LOG_RATIO:
        return Scale(low, high, start, end, logarithmic=True)
    margin = 0.0 if high > low else 1.0
    return Scale(low - margin, high + margin, start, end)


def _make_y_scale(values: list[float]) -> Scale:
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    return Scale(low - margin, high + margin, CHART_HEIGHT - _BOTTOM, _TOP)
