"""HTML pages from the templates in `pages/`: one file each, one style, nothing is loaded from anywhere, no script."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render_page(template: str, /, **values: object) -> str:
    """The page of a template in `pages/`, named without `.html.j2`; values are escaped."""
    page = _load_environment().get_template(f"{template}.html.j2").render(values)
    return _CONTROLS.sub(lambda control: f"\\x{ord(control[0]):02x}", page)


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys: no page needs them."""


@cache
def _load_environment() -> Environment:
    pages = FileSystemLoader(Path(__file__).parent / "pages")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=pages, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code_spans"] = _render_code_spans
    return environment


def _render_code_spans(text: str) -> str:
    """HTML of a text whose words between backticks are code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
