"""Plots as inline SVG."""

from __future__ import annotations

WIDTH, HEIGHT, MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP = 960, 260, 60, 28, 34
TICKS = 5


def draw_histogram(bars: list[dict[str, int]], marks: list[tuple[int, str]]) -> str:
    """Rows by length; `marks` are lengths that get a line and a name."""
    end = max([bars[-1]["to"], *(at for at, _ in marks if at < 3 * bars[-1]["to"])])
    rows = max(bar["rows"] for bar in bars) or 1
    step = _round_up_tick(rows / TICKS)
    most = -(-rows // step) * step
    drawn = [_draw_grid(most, step), *(_draw_bar(bar, end, most) for bar in bars), *_draw_axis(end)]
    drawn += [_draw_mark(at, name, end, place) for place, (at, name) in enumerate(marks)]
    return _wrap_svg(HEIGHT, "Rows by their number of tokens", drawn)


def draw_share_bars(counts: dict[str, int]) -> str:
    """Rows by a whole number, as bars that lie."""
    whole, shown = sum(counts.values()), list(counts.items())[:10]
    most = max(counts.values()) or 1
    lines = []
    for place, (name, rows) in enumerate(shown):
        y, wide = 8 + 26 * place, 640 * rows / most
        lines.append(f'<text x="{MARGIN_LEFT - 10}" y="{y + 13}" text-anchor="end">{name}</text>')
        lines.append(f'<rect x="{MARGIN_LEFT}" y="{y}" width="{wide:.1f}" height="18" fill="var(--bar)"/>')
        said = f"{rows:,} rows ({100 * rows / whole:.1f} %)"
        lines.append(f'<text x="{MARGIN_LEFT + wide + 8:.1f}" y="{y + 13}">{said}</text>')
    return _wrap_svg(12 + 26 * len(shown), "Rows by their number of answers", lines)


def _wrap_svg(height: int, title: str, drawn: list[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img"><title>{title}</title>{"".join(drawn)}</svg>'


def _scale_x(tokens: float, end: int) -> float:
    return MARGIN_LEFT + (WIDTH - MARGIN_LEFT - 20) * tokens / end


def _draw_bar(bar: dict[str, int], end: int, max_rows: int) -> str:
    left, right = _scale_x(bar["from"], end), _scale_x(bar["to"], end)
    high = (HEIGHT - MARGIN_BOTTOM - MARGIN_TOP) * bar["rows"] / max_rows
    said = f"{bar['from']:,} to {bar['to'] - 1:,} tokens: {bar['rows']:,} rows"
    place = f'x="{left + 0.5:.1f}" y="{HEIGHT - MARGIN_BOTTOM - high:.1f}" width="{max(1, right - left - 1):.1f}"'
    return f'<rect {place} height="{high:.1f}" fill="var(--bar)"><title>{said}</title></rect>'


def _draw_grid(max_rows: int, step: int) -> str:
    lines = []
    for tick in range(0, max_rows + 1, step):
        y = HEIGHT - MARGIN_BOTTOM - (HEIGHT - MARGIN_BOTTOM - MARGIN_TOP) * tick / max_rows
        lines.append(f'<line x1="{MARGIN_LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>')
        lines.append(f'<text x="{MARGIN_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,}</text>')
    return "".join(lines)


def _round_up_tick(minimum: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, … that is not below."""
    step: int = next(s for digit in range(12) for s in (10**digit, 2 * 10**digit, 5 * 10**digit) if s >= minimum)
    return step


def _draw_axis(end: int) -> list[str]:
    ticks = range(0, end + 1, _round_up_tick(end / 10))
    return [f'<text x="{_scale_x(t, end):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{t:,}</text>' for t in ticks]


def _draw_mark(tokens: int, name: str, end: int, index: int) -> str:
    """A line at a length; one beyond the plot is named at its edge."""
    x = min(_scale_x(tokens, end), WIDTH - 20)
    beyond, anchor = (" →" if tokens > end else ""), ("end" if x > WIDTH - 220 else "start")
    line = (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN_TOP - 10}" y2="{HEIGHT - MARGIN_BOTTOM}" '
        'stroke="var(--cut)" stroke-width="2"/>'
    )
    shift = -6 if anchor == "end" else 6
    text = f'<text x="{x + shift:.1f}" y="{12 + 13 * index}" text-anchor="{anchor}">{name} {tokens:,}{beyond}</text>'
    return line + text
