"""The page that says what was really trained, from what `make conformance-full` wrote."""

from __future__ import annotations

import json
from pathlib import Path

from qwen_recipes.backends import load_backends

RESULTS = Path(__file__).parents[2] / "tests" / "conformance" / "results.json"
HEAD = """\
# What was trained

`make conformance-full` lets every framework train a tiny Qwen3 for two steps on the CPU, once for each objective and
method, and writes each outcome to `tests/conformance/results.json`. This page shows that file. A cell that says
nothing was not run since it is kept; *parsed*: read by the framework's own parser, not trained; *refused* is the
compiler's own answer, with its reason.
"""


def format_cell(result: dict[str, str] | None) -> str:
    """One outcome, its reason, and when it was seen."""
    if not result:
        return ""
    why = f": {result['why']}" if "why" in result else ""
    return f"{result['outcome']}{why} ({result['date']})"


def render_trained_page() -> str:
    """A table of runs by framework, each at the version that it is locked to."""
    results = json.loads(RESULTS.read_text("utf-8"))
    columns = [(backend.name, f"{backend.title} {backend.version}") for backend in load_backends()]
    lines = [HEAD, "| run | " + " | ".join(title for _, title in columns) + " |", "|---|" + "---|" * len(columns)]
    for run, by_backend in sorted(results.items()):
        lines.append(f"| `{run}` | " + " | ".join(format_cell(by_backend.get(name)) for name, _ in columns) + " |")
    return "\n".join(lines) + "\n"
