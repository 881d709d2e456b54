"""Plots as inline SVG."""

from __future__ import annotations

WIDE, HIGH, LEFT, BOTTOM, TOP = 960, 260, 60, 28, 34
TICKS = 5


def histogram(bars: list[dict[str, int]], marks: list[tuple[int, str]]) -> str:
    """Rows by length; `marks` are lengths that get a line and a name."""
    end = max([bars[-1]["to"], *(at for at, _ in marks if at < 3 * bars[-1]["to"])])
    rows = max(bar["rows"] for bar in bars) or 1
    step = _step(rows / TICKS)
    most = -(-rows // step) * step
    drawn = [_grid(most, step), *(_bar(bar, end, most) for bar in bars), *_scale(end)]
    drawn += [_mark(at, name, end, place) for place, (at, name) in enumerate(marks)]
    return _svg(HIGH, "Rows by their number of tokens", drawn)


def shares(counts: dict[str, int]) -> str:
    """Rows by a whole number, as bars that lie."""
    whole, shown = sum(counts.values()), list(counts.items())[:10]
    most = max(counts.values()) or 1
    lines = []
    for place, (name, rows) in enumerate(shown):
        y, wide = 8 + 26 * place, 640 * rows / most
        lines.append(f'<text x="{LEFT - 10}" y="{y + 13}" text-anchor="end">{name}</text>')
        lines.append(f'<rect x="{LEFT}" y="{y}" width="{wide:.1f}" height="18" fill="var(--bar)"/>')
        said = f"{rows:,} rows ({100 * rows / whole:.1f} %)"
        lines.append(f'<text x="{LEFT + wide + 8:.1f}" y="{y + 13}">{said}</text>')
    return _svg(12 + 26 * len(shown), "Rows by their number of answers", lines)


def _svg(high: int, title: str, drawn: list[str]) -> str:
    return f'<svg viewBox="0 0 {WIDE} {high}" role="img"><title>{title}</title>{"".join(drawn)}</svg>'


def _x(tokens: float, end: int) -> float:
    return LEFT + (WIDE - LEFT - 20) * tokens / end


def _bar(bar: dict[str, int], end: int, most: int) -> str:
    left, right = _x(bar["from"], end), _x(bar["to"], end)
    high = (HIGH - BOTTOM - TOP) * bar["rows"] / most
    said = f"{bar['from']:,} to {bar['to'] - 1:,} tokens: {bar['rows']:,} rows"
    place = f'x="{left + 0.5:.1f}" y="{HIGH - BOTTOM - high:.1f}" width="{max(1, right - left - 1):.1f}"'
    return f'<rect {place} height="{high:.1f}" fill="var(--bar)"><title>{said}</title></rect>'


def _grid(most: int, step: int) -> str:
    lines = []
    for tick in range(0, most + 1, step):
        y = HIGH - BOTTOM - (HIGH - BOTTOM - TOP) * tick / most
        lines.append(f'<line x1="{LEFT}" x2="{WIDE - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,}</text>')
    return "".join(lines)


def _step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, … that is not below."""
    step: int = next(s for digit in range(12) for s in (10**digit, 2 * 10**digit, 5 * 10**digit) if s >= least)
    return step


def _scale(end: int) -> list[str]:
    ticks = range(0, end + 1, _step(end / 10))
    return [f'<text x="{_x(t, end):.1f}" y="{HIGH - 8}" text-anchor="middle">{t:,}</text>' for t in ticks]


def _mark(at: int, name: str, end: int, place: int) -> str:
    """A line at a length; one beyond the plot is named at its edge."""
    x = min(_x(at, end), WIDE - 20)
    beyond, anchor = (" →" if at > end else ""), ("end" if x > WIDE - 220 else "start")
    line = (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 10}" y2="{HIGH - BOTTOM}" stroke="var(--cut)" stroke-width="2"/>'
    )
    shift = -6 if anchor == "end" else 6
    text = f'<text x="{x + shift:.1f}" y="{12 + 13 * place}" text-anchor="{anchor}">{name} {at:,}{beyond}</text>'
    return line + text
