"""The result of `data check` as one HTML page with inline SVG plots."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from qwen_recipes.cli.console import format_count
from qwen_recipes.cli.data.svg_plots import draw_histogram, draw_share_bars

STYLE = """
:root { color-scheme: light dark; --text: #1c1f23; --soft: #5d6670; --line: #d9dee3; --back: #fff; --box: #f6f8fa;
  --bar: #4a78b5; --cut: #c8553d; --error: #b3261e; --warning: #8a5a00; --advice: #1f6f78; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8ea; --soft: #9aa4ad; --line: #3a4149; --back: #16191d;
  --box: #1f242a; --bar: #79a5dd; --cut: #f0836b; --error: #ff8a80; --warning: #f0c060; --advice: #7fd1da; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 2rem auto;
  max-width: 62rem; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.fact { background: var(--box); border-radius: 6px; padding: .7rem .9rem; }
.fact b { display: block; font-size: 1.35rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; color: var(--soft); }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .6rem .35rem 0; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .9rem; margin: .6rem 0; }
summary { cursor: pointer; font-weight: 600; }
code { font: .88em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.error { color: var(--error); } .warning { color: var(--warning); } .advice { color: var(--advice); }
details td:first-child { width: 22%; } details td:nth-child(2) { width: 30%; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
"""


def render_check_page(summary: dict[str, Any]) -> str:
    """A whole HTML document."""
    files = ", ".join(f"<code>{escape(one['file'])}</code>" for one in summary["files"][:8])
    more = f" and {len(summary['files']) - 8} more" if len(summary["files"]) > 8 else ""
    body = "\n".join(
        [
            "<h1>Data check</h1>",
            f"<p>{files}{more}</p>",
            f"<p class=soft>{escape(summary['model'])} · chat template {escape(summary['template'])} · "
            f"loss on {escape(summary['train_on'])}</p>",
            _render_facts(summary),
            _render_lengths(summary["lengths"], summary["train"]["good"]),
            _render_turn_counts(summary["train"]),
            _render_findings(summary["findings"]),
        ]
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    head = f"<head>{head}<title>Data check</title></head>"
    return f"<!doctype html>\n<html lang=en>{head}\n<body>\n{body}\n</body></html>\n"


def _render_facts(summary: dict[str, Any]) -> str:
    train = summary["train"]
    trained = f"{100 * train['trained_tokens'] / train['tokens']:.1f} %" if train["tokens"] else "none"
    facts = [
        (f"{train['read']:,}", "training rows read"),
        (f"{train['good']:,}", "usable"),
        (f"{train['tokens']:,}", "tokens"),
        (trained, "of the tokens in the loss"),
        (f"{train['with_reasoning']:,}", "with reasoning"),
    ]
    if "validation" in summary:
        facts.append((f"{summary['validation']['read']:,}", "validation rows read"))
    boxes = [f"<div class=fact><b>{value}</b>{name}</div>" for value, name in facts]
    return f"<div class=facts>{''.join(boxes)}</div>"


def _render_lengths(lengths: dict[str, Any], rows: int) -> str:
    if not rows:
        return ""
    at, proposal = lengths.get("sequence_length"), lengths["proposal"]
    marks = [(at["tokens"], "sequence_length")] if at else []
    if not at or at["tokens"] != proposal["tokens"]:
        marks.append((proposal["tokens"], "proposed"))
    cells = [(f"{percent} % of rows", f"{tokens:,}") for percent, tokens in lengths["percentiles"].items()]
    cells.append(("longest row", f"{lengths['longest']:,}"))
    heads = "".join(f"<th class=number>{name}</th>" for name, _ in cells)
    values = "".join(f"<td class=number>{value}</td>" for _, value in cells)
    table = f"<table><tr>{heads}</tr><tr>{values}</tr></table>"
    said = (
        [_describe_sequence_length("sequence_length", at) + f" Without a token in the loss: {at['nothing_trained']:,}."]
        if at
        else []
    )
    if len(marks) > len(said):
        said.append(_describe_sequence_length("Proposed", proposal))
    lines = "".join(f"<p>{line}</p>" for line in said)
    return f"<h2>Length in tokens</h2>{draw_histogram(lengths['histogram'], marks)}{table}{lines}"


def _describe_sequence_length(name: str, stats: dict[str, Any]) -> str:
    return (
        f"<b>{name} {stats['tokens']:,}</b>: {format_count(stats['longer'], 'row')} longer "
        f"({100 * stats['longer_share']:.1f} %), "
        f"packs are {100 * stats['packing_efficiency']:.1f} % full."
    )


def _render_turn_counts(train: dict[str, Any]) -> str:
    turns = train["assistant_turns"]
    return f"<h2>Answers per example</h2>{draw_share_bars(turns)}" if turns else ""


def _render_findings(findings: list[dict[str, Any]]) -> str:
    if not findings:
        return "<h2>Findings</h2><p>No problems.</p>"
    return "<h2>Findings</h2>" + "".join(map(_render_finding, findings))


def _render_code_spans(text: str) -> str:
    """Text whose words between backticks are code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _render_finding(finding: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['file'])}:{one['line']}</code></td><td>{escape(one['message'])}</td>"
        f"<td><code>{escape(one['text'])}</code></td></tr>"
        for one in finding["examples"]
    )
    kind = f"<span class={finding['severity']}>{finding['severity']} {finding['code']}</span>"
    share = f" ({100 * finding['share']:.1f} %)" if finding["share"] is not None else ""
    opened = " open" if finding["severity"] == "error" else ""
    return (
        f"<details{opened}><summary>{kind} {escape(finding['title'])}: {finding['count']:,}{share}</summary>"
        f"<table>{rows}</table><p>Help: {_render_code_spans(finding['suggestion'])}</p></details>"
    )
