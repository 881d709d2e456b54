"""The result of `data check`, for the terminal."""

from __future__ import annotations

from itertools import dropwhile
from typing import Any

import click

from qwen_recipes.cli.console import format_count
from qwen_recipes.cli.reporters.text import SEVERITY_COLOURS
from qwen_recipes.guards.rows.row_statistics import shorten_text

BAR_WIDTH = 40
MAX_KEYS = 8
"""Keys that nothing reads are shown."""
HISTOGRAM_LINES = 16
"""Lines of the histogram."""


def format_check_summary(summary: dict[str, Any]) -> str:
    """Counts and lengths, then each guard's findings with a few examples."""
    parts = [
        _format_header(summary),
        _format_lengths(summary["lengths"]) if summary["train"]["good"] else "",
        _format_findings(summary["findings"]),
    ]
    return "\n\n".join(part for part in parts if part)


def _format_header(summary: dict[str, Any]) -> str:
    lines = [f"{summary['model']}, template {summary['template']}, loss on {summary['train_on']}"]
    for name in ("train", "validation"):
        if name in summary:
            lines.append(_format_row_counts(name, summary[name]))
    return "\n".join(lines)


def _format_row_counts(name: str, rows: dict[str, Any]) -> str:
    several = sum(count for turns, count in rows["assistant_turns"].items() if int(turns) > 1)
    said = [
        f"{format_count(rows['read'], 'row')} read",
        f"{rows['good']:,} usable",
        *([f"{rows['split']:,} split at user queries into {_count_parts(rows):,}"] if rows["split"] else []),
        f"{several:,} with several answers",
        f"{rows['with_reasoning']:,} with reasoning",
        f"{rows['tokens']:,} tokens, {_format_percent(rows['trained_tokens'], rows['tokens'])} of them in the loss",
    ]
    lines = [f"{name + ':':<12}" + ", ".join(said)]
    if 0 < rows["answers_with_reasoning"] < rows["answers_in_loss"]:
        share = f"{rows['answers_with_reasoning']:,} of {rows['answers_in_loss']:,}"
        lines.append(f"            {share} answers in the loss have reasoning")
    if rows["turns_without_loss"]:
        lines.append(
            f"            {rows['turns_without_loss']:,} turns excluded from the loss by `train`, `weight` or `loss`"
        )
    if rows["keys_not_read"]:
        lines.append(f"            keys not read: {_list_keys(rows['keys_not_read'])}")
    if rows["columns_for_rewards"]:
        listed = _list_keys(rows["columns_for_rewards"])
        lines.append(f"            prompts alone; the model does not see these columns, reward functions do: {listed}")
    return "\n".join(lines)


def _list_keys(keys: dict[str, int]) -> str:
    first = list(keys.items())[:MAX_KEYS]
    return shorten_text(", ".join(f"{key or '(no name)'} ({format_count(count, 'row')})" for key, count in first))


def _count_parts(rows: dict[str, Any]) -> int:
    """Examples that the rows which are split become."""
    return int(rows["examples"] - rows["good"] + rows["split"])


def _format_lengths(lengths: dict[str, Any]) -> str:
    percentiles = [f"p{percent} {tokens:,}" for percent, tokens in lengths["percentiles"].items()]
    lines = [f"lengths:    {' · '.join(percentiles)} · longest {lengths['longest']:,} tokens"]
    if at := lengths.get("sequence_length"):
        lines.append(f"at {_describe_sequence_length(at)}; {at['nothing_trained']:,} without a token in the loss")
    if lengths["proposal"]:
        lines.append(f"proposed:   sequence_length: {_describe_sequence_length(lengths['proposal'])}")
    return "\n".join([*lines, *_draw_histogram(lengths["histogram"])])


def _describe_sequence_length(stats: dict[str, Any]) -> str:
    longer = f"{format_count(stats['longer'], 'row')} longer ({100 * stats['longer_share']:.1f}%)"
    return f"{stats['tokens']:,}, with {longer} and packs {100 * stats['packing_efficiency']:.1f}% full"


def _draw_histogram(histogram: list[dict[str, int]]) -> list[str]:
    merged = list(dropwhile(lambda bar: not bar[2], _merge_bars(histogram)))
    most = max((rows for *_, rows in merged), default=0)
    wide = len(f"{merged[-1][1]:,}") if merged else 0
    return [
        f"  {start:>{wide},} to {end:>{wide},} {'#' * round(BAR_WIDTH * rows / most) if most else ''} {rows:,}"
        for start, end, rows in merged
    ]


def _merge_bars(histogram: list[dict[str, int]]) -> list[tuple[int, int, int]]:
    each = -(-len(histogram) // HISTOGRAM_LINES) or 1
    groups = [histogram[at : at + each] for at in range(0, len(histogram), each)]
    return [(group[0]["from"], group[-1]["to"] - 1, sum(bar["rows"] for bar in group)) for group in groups]


def _format_findings(findings: list[dict[str, Any]]) -> str:
    if not findings:
        return "no problems"
    counts = {s: sum(one["count"] for one in findings if one["severity"] == s) for s in SEVERITY_COLOURS}
    said = [
        format_count(count, name) if name != "advice" else f"{count:,} advice"
        for name, count in counts.items()
        if count
    ]
    return "\n\n".join([*map(_format_finding, findings), ", ".join(said)])


def _format_finding(finding: dict[str, Any]) -> str:
    kind = click.style(f"{finding['severity']}[{finding['code']}]", fg=SEVERITY_COLOURS[finding["severity"]], bold=True)
    lines = [f"{kind}: {finding['title']}: {finding['count']:,}"]
    for one in finding["examples"]:
        text = f": {one['text']}" if one["text"] else ""
        lines.append(f"  {one['file']}:{one['line']}: {one['message']}{text}")
    if finding["count"] > len(finding["examples"]):
        lines.append(f"  and {finding['count'] - len(finding['examples']):,} more")
    return "\n".join([*lines, f"  help: {finding['suggestion']}"])


def _format_percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "none"
