"""The table of layouts in docs/data.md, out of the code that reads them."""

from __future__ import annotations

from qwen_recipes.data.rows.layouts import FORMATS, LAYOUTS_BY_FORMAT, Layout


def render_table() -> str:
    """One line for each layout, by format."""
    lines = ["| `format` | columns | documented by |", "|---|---|---|"]
    for name in FORMATS:
        lines += [_render_layout(layout) for layout in LAYOUTS_BY_FORMAT[name]]
    return "\n".join(lines)


def _render_layout(layout: Layout) -> str:
    columns = ", ".join(" or ".join(f"`{name}`" for name in names) for names in layout.keys)
    return f"| `{layout.format}` | {columns} | {layout.used_by} |"
