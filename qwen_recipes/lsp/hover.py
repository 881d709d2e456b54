"""Hover: a guard's page where it found something, and what the field under the cursor means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qwen_recipes.finding import Finding, Route, Span, format_route
from qwen_recipes.guards.base import PAGE_HEADINGS
from qwen_recipes.lsp.cursor import locate_cursor
from qwen_recipes.lsp.linted_document import LintedDocument
from qwen_recipes.lsp.spec_lookup import find_field, format_value, list_values
from qwen_recipes.yaml_text.nodes import Mapping, Node, Sequence


@dataclass(frozen=True)
class Hover:
    """Markdown, and the text that it is about."""

    markdown: str
    span: Span


def build_hover(linted: LintedDocument, line: int, column: int) -> Hover | None:
    """What is to be said at a place (from 0), or None."""
    place = line + 1, column + 1
    found = [f for f in linted.findings if f.span and _span_contains(f.span, place)]
    pages = list(dict.fromkeys(_render_guard_page(finding) for finding in found))
    key = _find_key_at(linted, line, column) if linted.kind == "recipe" else None
    parts = [*pages, *([render_field_page(key[0])] if key else [])]
    if not any(parts):
        return None
    span = found[0].span if found else key[1] if key else None
    return Hover("\n\n---\n\n".join(part for part in parts if part), span or Span(*place, *place))


def _span_contains(span: Span, position: tuple[int, int]) -> bool:
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    return start <= position < end or start == position


def _render_guard_page(finding: Finding) -> str:
    """The page of the finding's guard, as `recipes explain` prints it; what the spec forbids has its own words."""
    from qwen_recipes.guards import load_guard

    try:
        guard = load_guard(finding.code)
    except KeyError:
        return "\n\n".join(filter(None, (finding.why, finding.suggestion)))
    headings = "|".join(map(re.escape, PAGE_HEADINGS))
    text = re.sub(rf"^({headings}):\n", r"**\1**\n\n", guard.docstring.strip(), flags=re.M)
    return f"**{guard.code}** ({guard.name}), {guard.severity}, confidence {guard.confidence}\n\n{text}"


def render_field_page(route: Route) -> str:
    """A field's description, its values and an example, as Markdown. Empty where the spec has no such field."""
    info = find_field(route)
    if info is None:
        return ""
    name = re.sub(r"\[\d+\]", "[]", format_route(route))
    lines = [f"`{name}`", info.description or ""]
    explained = [word for word in list_values(route) if word.meaning and word.meaning != "an example"]
    if explained:
        lines.append("\n".join(f"- `{word.text}`: {word.meaning}" for word in explained))
    if info.examples:
        lines.append(f"For example `{route[-1]}: {format_value(info.examples[0])}`")
    return "\n\n".join(lines)


def _find_key_at(linted: LintedDocument, line: int, column: int) -> tuple[Route, Span] | None:
    """The key under the cursor: from the tree, or, while the text is not YAML, from its lines."""
    if linted.document is not None:
        return next(_iterate_keys_at(linted.document.root, (), (line + 1, column + 1)), None)
    if line >= len(linted.lines):
        return None
    text = linted.lines[line]
    word = re.match(r"[\w-]*", text[column:])
    end = column + (word.end() if word else 0)
    cursor = locate_cursor(linted.lines, line, end)
    if cursor.key is not None or not cursor.typed or not text[end:].startswith(":"):
        return None
    span = Span(line + 1, end - len(cursor.typed) + 1, line + 1, end + 1)
    return (*cursor.parent, cursor.typed), span


def _iterate_keys_at(node: Node, route: Route, position: tuple[int, int]) -> Iterator[tuple[Route, Span]]:
    if isinstance(node, Mapping):
        for name, child in node.entries.items():
            if _span_contains(node.keys[name], position):
                yield (*route, name), node.keys[name]
            if _span_contains(child.span, position):
                yield from _iterate_keys_at(child, (*route, name), position)
    elif isinstance(node, Sequence):
        for index, child in enumerate(node.items):
            if _span_contains(child.span, position):
                yield from _iterate_keys_at(child, (*route, index), position)
