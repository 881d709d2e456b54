"""What was found in rows, as an HTML page."""

from __future__ import annotations

from typing import Any

from qwen_recipes.reports.page import render_page
from qwen_recipes.reports.svg_charts import draw_histogram, draw_share_bars

_MAX_FILES = 8


def render_check_report(summary: dict[str, Any]) -> str:
    """The page of what `summarize_check` found."""
    train, lengths = summary["train"], summary["lengths"]
    files = [one["file"] for one in summary["files"]]
    limits = _list_sequence_lengths(lengths) if train["good"] else []
    return render_page(
        "check_report",
        title="Data check",
        files=files[:_MAX_FILES],
        more_files=max(0, len(files) - _MAX_FILES),
        model=summary["model"],
        template=summary["template"],
        train_on=summary["train_on"],
        facts=_list_facts(summary),
        histogram=draw_histogram(lengths["histogram"], [(one["tokens"], name) for name, one in limits])
        if limits
        else "",
        lengths=_list_percentiles(lengths) if limits else [],
        limits=[(f"{name} {one['tokens']:,}", _describe_sequence_length(one)) for name, one in limits],
        answers=draw_share_bars(train["assistant_turns"]) if train["assistant_turns"] else "",
        findings=[{**finding, "amount": _format_amount(finding)} for finding in summary["findings"]],
    )


def _list_facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    train = summary["train"]
    trained = f"{100 * train['trained_tokens'] / train['tokens']:.1f}%" if train["tokens"] else "none"
    facts = [
        (f"{train['read']:,}", "training rows read"),
        (f"{train['good']:,}", "usable"),
        (f"{train['tokens']:,}", "tokens"),
        (trained, "of the tokens in the loss"),
        (f"{train['with_reasoning']:,}", "with reasoning"),
    ]
    return facts + ([(f"{summary['validation']['read']:,}", "validation rows read")] if "validation" in summary else [])


def _list_sequence_lengths(lengths: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The sequence length that was asked for, and the one that is proposed where it is another."""
    asked, proposal = lengths.get("sequence_length"), lengths["proposal"]
    named = [("sequence_length", asked)] if asked else []
    return named + ([("proposed", proposal)] if not asked or asked["tokens"] != proposal["tokens"] else [])


def _list_percentiles(lengths: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(f"{percent}% of rows", f"{tokens:,}") for percent, tokens in lengths["percentiles"].items()]
    return [*found, ("longest row", f"{lengths['longest']:,}")]


def _describe_sequence_length(stats: dict[str, Any]) -> str:
    rows = "1 row" if stats["longer"] == 1 else f"{stats['longer']:,} rows"
    full = 100 * stats["packing_efficiency"]
    lost = f" Without a token in the loss: {stats['nothing_trained']:,}." if "nothing_trained" in stats else ""
    return f"{rows} longer ({100 * stats['longer_share']:.1f}%), packs are {full:.1f}% full.{lost}"


def _format_amount(finding: dict[str, Any]) -> str:
    share = f" ({100 * finding['share']:.1f}%)" if finding["share"] is not None else ""
    return f"{finding['count']:,}{share}"
