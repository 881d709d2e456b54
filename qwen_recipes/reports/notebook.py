"""What notebooks show: findings, plans and curves as pieces of HTML, in the one style of our pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qwen_recipes.estimate.fit_labels import FIT_LABELS
from qwen_recipes.finding import Finding
from qwen_recipes.reports.html_report import draw_run_charts, list_summary_rows
from qwen_recipes.reports.page import render_page
from qwen_recipes.resolve.plan_table import PlanValue
from qwen_recipes.runs.record import RunRecord
from qwen_recipes.sizes import GIB


def render_recipe(name: str, text: str) -> str:
    """A recipe's YAML."""
    return _render(name, text=text)


def render_findings(findings: Sequence[Finding], summary: str) -> str:
    """A table of findings: severity, code, place, what to do."""
    rows = [
        (f.severity, f.code, f"{f.file}:{f.span.line}" if f.span else f.file, f.message, f.why, f.suggestion)
        for f in findings
    ]
    return _render(summary, head=("", "code", "place", "message", "why", "help"), rows=rows)


def render_plan(title: str, estimates: Sequence[dict[str, Any]], values: Sequence[PlanValue]) -> str:
    """Memory and time on each GPU, and every value with its reason."""
    rows = [
        (
            one["gpu"], str(one["gpus"]), FIT_LABELS[one["fits"]],
            f"{one['memory_bytes']['peak'] / GIB:.1f} of {one['memory_bytes']['usable'] / GIB:.1f} GiB",
            "unknown" if one["seconds"] is None else f"{one['seconds'] / 3600:.2f} h",
        )
        for one in estimates
    ]  # fmt: skip
    details = [(value.field, value.display_text, value.reason or value.origin) for value in values]
    return _render(title, head=("GPU", "GPUs", "", "peak memory", "time"), rows=rows, details=details)


def render_run(record: RunRecord) -> str:
    """The curves of a run and how it ended."""
    rows = [(name, cells[0]) for name, cells in list_summary_rows([record]) if cells[0]]
    return _render(record.name, rows=rows, charts=draw_run_charts(record))


def _render(
    title: str,
    *,
    text: str = "",
    head: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    details: Sequence[Sequence[str]] = (),
    charts: Sequence[tuple[str, str]] = (),
) -> str:
    return render_page("notebook", title=title, text=text, head=head, rows=rows, details=details, charts=charts)
