"""Lines over steps, as SVG that stands in a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#8250df", "#bc4c00", "#57606a")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 960, 300, 70, 28, 12
_MAX_POINTS = 800
"""Points of a line; more are thinned out evenly, the last one stays."""


@dataclass(frozen=True)
class Curve:
    """A line: its name, and its points as (step, value)."""

    name: str
    points: list[tuple[int, float]]


def draw_chart(curves: list[Curve], title: str) -> str:
    """The lines over common axes, which span every finite value. One point at least has to be there."""
    everything = [point for curve in curves for point in curve.points if math.isfinite(point[1])]
    right = max(step for step, _ in everything)
    left = min(step for step, _ in everything)
    low, high = min(value for _, value in everything), max(value for _, value in everything)
    margin = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    axes = _Axes(left, max(right, left + 1), low - margin, high + margin)
    lines = "".join(_draw_line(curve, axes, COLOURS[index % len(COLOURS)]) for index, curve in enumerate(curves))
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}" width="100%"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{axes.draw_grid()}{lines}</svg>'


@dataclass(frozen=True)
class _Axes:
    left: int
    right: int
    low: float
    high: float

    def x(self, step: float) -> float:
        return _LEFT + (step - self.left) / (self.right - self.left) * (_WIDTH - _LEFT - 20)

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (_HEIGHT - _TOP - _BOTTOM)

    def draw_grid(self) -> str:
        """Grid lines with their values, steps below."""
        found = []
        for value in compute_ticks(self.low, self.high):
            y = self.y(value)
            found.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eaeef2"/>')
            found.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
        for step in compute_ticks(self.left, self.right):
            if step == int(step):
                x = self.x(step)
                found.append(f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{int(step)}</text>')
        return "".join(found)


def compute_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Round values between two others, about as many as wanted."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [round(step * number, 12) for number in range(first, math.floor(high / step) + 1)]


def _draw_line(curve: Curve, axes: _Axes, colour: str) -> str:
    points = [point for point in curve.points if math.isfinite(point[1])]
    every = max(1, math.ceil(len(points) / _MAX_POINTS))
    kept = points[::every] + (points[-1:] if (len(points) - 1) % every else [])
    if not kept:
        return ""
    places = " ".join(f"{axes.x(step):.1f},{axes.y(value):.1f}" for step, value in kept)
    about = f"<title>{escape(curve.name)}</title>"
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.8">{about}</polyline>'
