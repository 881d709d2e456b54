"""The axes of a plot, as SVG: scales, grid, labels, and the marks that stand on them. The page's style colours them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

STANDALONE_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.head{font-size:15px;fill:#1b1f24}.ground{fill:#fff}"
    ".grid{stroke:#eaeef2}.bar{fill:#4a78b5}.mark{stroke:#c8553d;stroke-width:2}"
)
"""The style of a drawing that stands in no page of ours."""


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high`, drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def get_pixel(self, value: float) -> float:
        """The coordinate of a value, in pixels. Raises ValueError for 0 and less on a logarithmic scale."""
        low, high, at = (
            map(math.log, (self.low, self.high, value)) if self.logarithmic else (self.low, self.high, value)
        )
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def compute_ticks(self, count: int = 6) -> list[float]:
        """Round values between the ends, about `count`; on a logarithmic scale, powers of two."""
        if self.logarithmic:
            powers = range(math.ceil(math.log2(self.low)), math.floor(math.log2(self.high)) + 1)
            return [2.0**power for power in powers]
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first = math.ceil(self.low / step)
        return [round(step * number, 12) for number in range(first, math.floor(self.high / step) + 1)]


@dataclass(frozen=True)
class Axes:
    """Two scales; `y` runs from the bottom, so its `start` is the larger pixel."""

    x: Scale
    y: Scale

    def draw_horizontal_grid(self) -> str:
        """Horizontal lines with their values."""
        return "".join(
            f'<line class="grid" x1="{self.x.start}" x2="{self.x.end}" y1="{y:.1f}" y2="{y:.1f}"/>'
            + draw_text(self.x.start - 8, y + 4, format_tick(value), "end")
            for value in self.y.compute_ticks()
            for y in [self.y.get_pixel(value)]
        )

    def draw_grid(self) -> str:
        """Horizontal lines with their values, and whole values below."""
        below = (value for value in self.x.compute_ticks() if value == int(value))
        return self.draw_horizontal_grid() + "".join(
            draw_text(self.x.get_pixel(value), self.y.start + 20, format_tick(value), "middle") for value in below
        )

    def draw_line(
        self, vertices: Iterable[tuple[float, float]], colour: str, title: str = "", width: float = 1.8
    ) -> str:
        """A line through these points."""
        places = " ".join(f"{self.x.get_pixel(x):.1f},{self.y.get_pixel(y):.1f}" for x, y in vertices)
        about = f"<title>{escape(title)}</title>" if title else ""
        return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}">{about}</polyline>'

    def draw_bar(self, start: float, end: float, value: float, title: str) -> str:
        """A bar from `start` to `end` that stands on the lower end."""
        x, top = self.x.get_pixel(start), self.y.get_pixel(value)
        wide = max(1, self.x.get_pixel(end) - x - 1)
        box = f'x="{x + 0.5:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{self.y.start - top:.1f}"'
        return f'<rect class="bar" {box}><title>{escape(title)}</title></rect>'

    def draw_point(self, x: float, y: float, colour: str, title: str, *, filled: bool) -> str:
        """A circle, open or filled."""
        place = f'cx="{self.x.get_pixel(x):.1f}" cy="{self.y.get_pixel(y):.1f}" r="3.5"'
        fill = colour if filled else "white"
        about = f"<title>{escape(title)}</title>"
        return f'<circle {place} stroke="{colour}" fill="{fill}" fill-opacity="0.7">{about}</circle>'

    def draw_mark(self, value: float, name: str, row: int) -> str:
        """A vertical line at a value, named in a row above; one beyond the axis stands at its end."""
        x = min(self.x.get_pixel(value), self.x.end)
        text = f"{name} {format_tick(value)}{' →' if value > self.x.high else ''}"
        before = x > self.x.end - 200
        line = f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{self.y.end - 10}" y2="{self.y.start}"/>'
        return line + draw_text(x + (-6 if before else 6), 12 + 13 * row, text, "end" if before else "start")


def format_tick(value: float) -> str:
    """`2,048`, `0.0001`."""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def draw_text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    """A line of text."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def draw_svg(width: float, height: float, title: str, parts: Sequence[str], *, standalone: bool = False) -> str:
    """A drawing; `standalone` brings its own style and a white ground."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
    ground = f'<style>{STANDALONE_STYLE}</style><rect class="ground" width="{width}" height="{height}"/>'
    return f'{head} aria-label="{escape(title)}">{ground if standalone else ""}{"".join(parts)}</svg>'
