"""The table of before and after in README.md, from ownership_before.json and ownership_after.json.

`measure_ownership.py` writes the two files, tools/generate_docs.py the table.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
ANY = "signatures with Any"
Figures = dict[str, int | str]

ROWS = {
    "modules of the package": "modules of the package",
    "lines of the package": "lines of the package",
    "generated lines": "generated lines (schemas, reference pages, golden files)",
    "golden files": "golden files",
    ANY: "parameters and results annotated with `Any`",
    "modules that write HTML or SVG": "modules that write HTML or SVG by hand",
    "requirements of the package": "libraries that the package requires",
    "pages in docs/": "pages in docs/",
    "guards": "guards",
    "test cases": "test cases of tests/unit and tests/why",
    "seconds of the suite": "seconds of these tests, two processes",
    "CPU seconds of the suite": "CPU seconds of these tests",
    "bytes of the wheel": "wheel, bytes",
    "ms of the processor, version": "`recipes --version`, CPU time in ms",
    "ms of the processor, help": "`recipes --help`, CPU time in ms",
    "ms of the processor, lint of a file": "`recipes lint` of one file, CPU time in ms",
}
"""What each figure is called in the table."""


def read_figures(name: str) -> Figures:
    """The figures of ownership_NAME.json."""
    figures: Figures = json.loads((HERE / f"ownership_{name}.json").read_text("utf-8"))
    return figures


def render_table() -> str:
    """The table, with the commits and dates that were measured."""
    before, after = read_figures("before"), read_figures("after")
    heads = [f"{name}: {of['commit']}, {of['date']}" for name, of in (("before", before), ("after", after))]
    lines = [f"| | {heads[0]} | {heads[1]} |", "|---|---|---|"]
    for key, title in ROWS.items():
        lines.append(f"| {title} | {_format_figure(before, key)} | {_format_figure(after, key)} |")
    return "\n".join(lines)


def _format_figure(figures: Figures, key: str) -> str:
    figure = figures.get(key)
    if not isinstance(figure, int):
        return "not measured"
    share = f" ({1000 * figure / int(figures['lines of the package']):.0f} per 1,000 lines)" if key == ANY else ""
    return f"{figure:,}{share}"
