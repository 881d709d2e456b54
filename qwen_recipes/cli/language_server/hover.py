"""Hover: a guard's page where it found something, and what the field under the cursor means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qwen_recipes.cli.language_server.cursor import cursor_at
from qwen_recipes.cli.language_server.judged import Judged
from qwen_recipes.cli.language_server.words import field_at, values_at, written
from qwen_recipes.guards.base import HEADINGS
from qwen_recipes.recipe.finding import Finding, Route, Span, dotted
from qwen_recipes.recipe.nodes import Mapping, Node, Sequence


@dataclass(frozen=True)
class Hover:
    """Markdown, and the text that it is about."""

    markdown: str
    span: Span


def hover(judged: Judged, line: int, column: int) -> Hover | None:
    """What is to be said at a place (from 0), or None."""
    place = line + 1, column + 1
    found = [f for f in judged.findings if f.span and _within(f.span, place)]
    pages = list(dict.fromkeys(_page(finding) for finding in found))
    key = _field(judged, line, column) if judged.kind == "recipe" else None
    parts = [*pages, *([field_page(key[0])] if key else [])]
    if not any(parts):
        return None
    span = found[0].span if found else key[1] if key else None
    return Hover("\n\n---\n\n".join(part for part in parts if part), span or Span(*place, *place))


def _within(span: Span, place: tuple[int, int]) -> bool:
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    return start <= place < end or start == place


def _page(finding: Finding) -> str:
    """The page of the finding's guard, as `recipes explain` prints it; what the spec forbids has its own words."""
    from qwen_recipes.guards import guard_named

    try:
        guard = guard_named(finding.code)
    except KeyError:
        return "\n\n".join(filter(None, (finding.why, finding.instead)))
    headings = "|".join(map(re.escape, HEADINGS))
    text = re.sub(rf"^({headings}):\n", r"**\1**\n\n", guard.docstring.strip(), flags=re.M)
    return f"**{guard.code}** ({guard.name}), {guard.severity}, confidence {guard.confidence}\n\n{text}"


def field_page(route: Route) -> str:
    """A field's description, its values and an example, as Markdown. Empty where the spec has no such field."""
    info = field_at(route)
    if info is None:
        return ""
    name = re.sub(r"\[\d+\]", "[]", dotted(route))
    lines = [f"`{name}`", info.description or ""]
    explained = [word for word in values_at(route) if word.meaning and word.meaning != "an example"]
    if explained:
        lines.append("\n".join(f"- `{word.text}`: {word.meaning}" for word in explained))
    if info.examples:
        lines.append(f"For example `{route[-1]}: {written(info.examples[0])}`")
    return "\n\n".join(lines)


def _field(judged: Judged, line: int, column: int) -> tuple[Route, Span] | None:
    """The key under the cursor: from the tree, or, while the text is not YAML, from its lines."""
    if judged.document is not None:
        return next(_keys(judged.document.root, (), (line + 1, column + 1)), None)
    if line >= len(judged.lines):
        return None
    text = judged.lines[line]
    word = re.match(r"[\w-]*", text[column:])
    end = column + (word.end() if word else 0)
    cursor = cursor_at(judged.lines, line, end)
    if cursor.key is not None or not cursor.typed or not text[end:].startswith(":"):
        return None
    span = Span(line + 1, end - len(cursor.typed) + 1, line + 1, end + 1)
    return (*cursor.parent, cursor.typed), span


def _keys(node: Node, route: Route, place: tuple[int, int]) -> Iterator[tuple[Route, Span]]:
    if isinstance(node, Mapping):
        for name, child in node.entries.items():
            if _within(node.keys[name], place):
                yield (*route, name), node.keys[name]
            if _within(child.span, place):
                yield from _keys(child, (*route, name), place)
    elif isinstance(node, Sequence):
        for index, child in enumerate(node.items):
            if _within(child.span, place):
                yield from _keys(child, (*route, index), place)
