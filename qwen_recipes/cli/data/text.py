"""What was found in rows, for the terminal."""

from __future__ import annotations

from itertools import dropwhile
from typing import Any

import click

from qwen_recipes.cli.report import counted

COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}
BAR = 40
LINES = 16
"""Lines of the histogram."""


def report(found: Any) -> str:
    """Counts, lengths, then each guard that found something with a few rows."""
    parts = [_head(found), _lengths(found["lengths"]) if found["train"]["good"] else "", _findings(found["findings"])]
    return "\n\n".join(part for part in parts if part)


def _head(found: Any) -> str:
    lines = [f"{found['model']}, template {found['template']}, loss on {found['train_on']}"]
    for name in ("train", "validation"):
        if name in found:
            lines.append(_rows(name, found[name]))
    return "\n".join(lines)


def _rows(name: str, rows: Any) -> str:
    several = sum(count for turns, count in rows["assistant_turns"].items() if int(turns) > 1)
    said = [
        f"{counted(rows['read'], 'row')} read",
        f"{rows['good']:,} can be trained on",
        f"{several:,} with several answers",
        f"{rows['with_reasoning']:,} with reasoning",
        f"{rows['tokens']:,} tokens, {_percent(rows['trained_tokens'], rows['tokens'])} of them trained",
    ]
    return f"{name + ':':<12}" + ", ".join(said)


def _lengths(lengths: Any) -> str:
    percentiles = [f"{percent} % {tokens:,}" for percent, tokens in lengths["percentiles"].items()]
    lines = [f"lengths:    {' · '.join(percentiles)} · longest {lengths['longest']:,} tokens"]
    if at := lengths.get("sequence_length"):
        lines.append(f"at {_at(at)}; {at['nothing_trained']:,} with no trained token")
    if lengths["proposal"]:
        lines.append(f"proposed:   sequence_length: {_at(lengths['proposal'])}")
    return "\n".join([*lines, *_bars(lengths["histogram"])])


def _at(at: Any) -> str:
    longer = f"{counted(at['longer'], 'row')} longer ({100 * at['longer_share']:.1f} %)"
    return f"{at['tokens']:,}: {longer}, packs {100 * at['packing_efficiency']:.1f} % full"


def _bars(histogram: list[Any]) -> list[str]:
    merged = list(dropwhile(lambda bar: not bar[2], _merged(histogram)))
    most = max((rows for *_, rows in merged), default=0)
    wide = len(f"{merged[-1][1]:,}") if merged else 0
    return [
        f"  {start:>{wide},} to {end:>{wide},} {'#' * round(BAR * rows / most) if most else ''} {rows:,}"
        for start, end, rows in merged
    ]


def _merged(histogram: list[Any]) -> list[tuple[int, int, int]]:
    each = -(-len(histogram) // LINES) or 1
    groups = [histogram[at : at + each] for at in range(0, len(histogram), each)]
    return [(group[0]["from"], group[-1]["to"] - 1, sum(bar["rows"] for bar in group)) for group in groups]


def _findings(findings: list[Any]) -> str:
    return "\n\n".join(map(_finding, findings)) or "nothing found"


def _finding(found: Any) -> str:
    kind = click.style(f"{found['severity']}[{found['code']}]", fg=COLOURS[found["severity"]], bold=True)
    lines = [f"{kind}: {found['title']}: {found['count']:,}"]
    for one in found["examples"]:
        text = f": {one['text']}" if one["text"] else ""
        lines.append(f"  {one['file']}:{one['line']}: {one['message']}{text}")
    if found["count"] > len(found["examples"]):
        lines.append(f"  and {found['count'] - len(found['examples']):,} more")
    return "\n".join([*lines, f"  instead: {found['instead']}"])


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"
