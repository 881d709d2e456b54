"""Charts as SVG, for pages and for files of their own: lines over steps, histograms, bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qwen_recipes.reports.svg_axes import Axes, Scale, draw_svg, draw_text

COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#8250df", "#bc4c00", "#57606a")
CHART_WIDTH, CHART_HEIGHT = 960, 300
_LEFT, _RIGHT, _BOTTOM, _TOP = 70, 20, 28, 12
_HISTOGRAM_TOP = 34
_MAX_POINTS = 800
"""Points of a line; more are thinned out evenly, the last one stays."""
_MAX_BARS = 10
_HEADLINE = 34
_LEGEND_STEP = 140


@dataclass(frozen=True)
class Curve:
    """A line: its name, and its points as (step, value)."""

    name: str
    points: list[tuple[int, float]]


def draw_line_chart(curves: Sequence[Curve], title: str) -> str:
    """Lines over common axes, which span every finite value. One point at least has to be there."""
    return draw_svg(CHART_WIDTH, CHART_HEIGHT, title, [_draw_curves(curves)])


def draw_line_charts(charts: Sequence[tuple[str, Sequence[Curve]]], title: str) -> str:
    """A file of charts below one another, each with its headline and the names of its lines."""
    height, parts = CHART_HEIGHT + _HEADLINE, []
    for row, (headline, curves) in enumerate(charts):
        drawn = _draw_legend(curves) + f'<g transform="translate(0 {_HEADLINE})">{_draw_curves(curves)}</g>'
        head = draw_text(20, 23, headline, kind="head")
        parts.append(f'<g transform="translate(0 {row * height})">{head}{drawn}</g>')
    return draw_svg(CHART_WIDTH, height * len(charts), title, parts, standalone=True) + "\n"


def draw_histogram(bars: Sequence[Mapping[str, int]], marks: Sequence[tuple[int, str]]) -> str:
    """Examples by tokens: each bar `from`, `to` and its `rows`; `marks` are lengths that get a line and a name."""
    end = max([bars[-1]["to"], *(at for at, _ in marks if at < 3 * bars[-1]["to"])])
    axes = _make_axes(0, end, 0, max([1, *(bar["rows"] for bar in bars)]), _HISTOGRAM_TOP)
    drawn = [axes.draw_grid()]
    for bar in bars:
        title = f"{bar['from']:,} to {bar['to'] - 1:,} tokens: {bar['rows']:,} rows"
        drawn.append(axes.draw_bar(bar["from"], bar["to"], bar["rows"], title))
    drawn += [axes.draw_mark(at, name, row) for row, (at, name) in enumerate(marks)]
    return draw_svg(CHART_WIDTH, CHART_HEIGHT, "Rows by their number of tokens", drawn)


def draw_share_bars(counts: Mapping[str, int]) -> str:
    """Rows by a whole number, as horizontal bars."""
    whole, most = sum(counts.values()), max([1, *counts.values()])
    shown, parts = list(counts.items())[:_MAX_BARS], []
    for row, (name, rows) in enumerate(shown):
        y, wide = 8 + 26 * row, 640 * rows / most
        parts.append(draw_text(_LEFT - 10, y + 13, name, "end"))
        parts.append(f'<rect class="bar" x="{_LEFT}" y="{y}" width="{wide:.1f}" height="18"/>')
        parts.append(draw_text(_LEFT + wide + 8, y + 13, f"{rows:,} rows ({100 * rows / whole:.1f}%)"))
    return draw_svg(CHART_WIDTH, 12 + 26 * len(shown), "Rows by their number of answers", parts)


def _make_axes(start: float, end: float, low: float, high: float, top: float = _TOP) -> Axes:
    x = Scale(start, end, _LEFT, CHART_WIDTH - _RIGHT)
    return Axes(x, Scale(low, high, CHART_HEIGHT - _BOTTOM, top))


def _draw_curves(curves: Sequence[Curve]) -> str:
    points = [point for curve in curves for point in _list_finite(curve)]
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    axes = _make_axes(min(steps), max(max(steps), min(steps) + 1), low - margin, high + margin)
    lines = (axes.draw_line(_thin_out(one), _get_colour(n), one.name) for n, one in enumerate(curves) if _thin_out(one))
    return axes.draw_grid() + "".join(lines)


def _draw_legend(curves: Sequence[Curve]) -> str:
    """The curves' names, up to the right edge; three or fewer begin where they would if they were three."""
    first = CHART_WIDTH - _LEGEND_STEP * max(3, len(curves)) - 20
    return "".join(
        f'<rect x="{first + _LEGEND_STEP * n}" y="12" width="12" height="12" fill="{_get_colour(n)}"/>'
        + draw_text(first + 18 + _LEGEND_STEP * n, 22, curve.name)
        for n, curve in enumerate(curves)
    )


def _get_colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _list_finite(curve: Curve) -> list[tuple[int, float]]:
    return [point for point in curve.points if math.isfinite(point[1])]


def _thin_out(curve: Curve) -> list[tuple[int, float]]:
    points = _list_finite(curve)
    every = max(1, math.ceil(len(points) / _MAX_POINTS))
    return points[::every] + (points[-1:] if (len(points) - 1) % every else [])
