"""A recipe's text by offsets: where nodes begin and really end, where comments stand, how it is indented."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

import yaml

from qwen_recipes.finding import Route, Span
from qwen_recipes.yaml_text.emit import format_flow
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence
from qwen_recipes.yaml_text.reader import Loader

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COMMENT = re.compile("#[^\n\r\x85\u2028\u2029]*")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


def list_comments(text: str) -> list[str]:
    """The text of every comment, in order."""
    return [comment for _, comment in find_comments(text)]


def find_comments(text: str) -> list[tuple[int, str]]:
    """Every comment with the offset of its `#`: what stands between tokens and is no white space."""
    found: list[tuple[int, str]] = []
    before = 0
    for token in yaml.scan(text, Loader=Loader):
        start, end = token.start_mark.index, token.end_mark.index
        found += [(m.start(), m.group().rstrip()) for m in _COMMENT.finditer(text, before, start)]
        found += _find_header_comment(text, token)
        before = max(before, end)
    return found


def _find_header_comment(text: str, token: object) -> list[tuple[int, str]]:
    """The comment on the first line of `|` or `>` text, which is part of its token."""
    if not isinstance(token, yaml.ScalarToken) or token.style not in ("|", ">"):
        return []
    line_end = _BREAK.search(text, token.start_mark.index)
    found = _COMMENT.search(text, token.start_mark.index, line_end.start() if line_end else len(text))
    return [(found.start(), found.group().rstrip())] if found else []


class TextLayout:
    """A text by offsets in characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(m.end() for m in _BREAK.finditer(text))]

    @cached_property
    def newline(self) -> str:
        """How its lines end."""
        found = _BREAK.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def step(self) -> int:
        """How many spaces a level is indented by; two where nothing is."""
        depths = (len(line) - len(line.lstrip(" ")) for line in self.text.splitlines() if line.strip())
        return next((depth for depth in depths if depth), 2)

    @cached_property
    def _comments(self) -> list[tuple[int, str]]:
        return find_comments(self.text)

    def start_offset(self, span: Span) -> int:
        """Characters before the start of the span."""
        return self.starts[span.line - 1] + span.column - 1

    def find_extent(self, node: Node) -> tuple[int, int]:
        """Offsets (in characters) of the node's text, without anchor before it, white space or comments after it."""
        start, span = self.start_offset(node.span), node.span
        properties = _PROPERTIES.match(self.text, start)
        start = properties.end() if properties else start
        end = self.starts[span.end_line - 1] + span.end_column - 1 if span.end_line <= len(self.starts) else None
        end = len(self.text) if end is None else min(end, len(self.text))
        return start, max(start, self._find_content_end(start, end))

    def _find_content_end(self, start: int, end: int) -> int:
        """`end` moved back over white space and comments."""
        while True:
            end = start + len(self.text[start:end].rstrip())
            over = [at for at, comment in self._comments if start <= at < end <= at + len(comment)]
            if not over:
                return end
            end = over[0]

    def is_flow_style(self, node: Node) -> bool:
        """Whether it is a list or map in brackets."""
        return not isinstance(node, Scalar) and self.text[self.find_extent(node)[0]] in "[{"

    def add_space_after_colon(self, start: int, end: int, value: str) -> str:
        """`value`, with a space before it where it comes right after the key's colon."""
        return f" {value}" if start == end and self.text[:start].endswith(":") else value

    def format_for_flow(self, node: Scalar) -> str:
        """The scalar as it is written, or in quotes where brackets would cut it."""
        start, end = self.find_extent(node)
        written = self.text[start:end]
        return written if not node.plain and written[0] in "'\"" else format_flow(node.value)

    def find_key_end(self, document: Document, route: Route) -> int:
        """The offset after the key's colon, or after the dash of a list's item."""
        parent, step = document.find_node(route[:-1]), route[-1]
        if isinstance(parent, Mapping) and isinstance(step, str):
            span = parent.keys[step]
            return self.text.index(":", self.starts[span.end_line - 1] + span.end_column - 1) + 1
        assert isinstance(parent, Sequence) and isinstance(step, int)
        return self.text.rindex("-", 0, self.start_offset(parent.items[step].span)) + 1

    def comments(self, start: int, end: int) -> list[tuple[int, str]]:
        """Offset and text of each comment that begins between two offsets."""
        return [(at, comment) for at, comment in self._comments if start <= at < end]

    def find_line_start(self, offset: int) -> int:
        """Where the line of this offset begins."""
        return self.starts[bisect_right(self.starts, offset) - 1]

    def find_line_end(self, offset: int) -> int:
        """Where the line of this offset ends, before its break."""
        found = _BREAK.search(self.text, offset)
        return found.start() if found else len(self.text)

    def find_next_line(self, offset: int) -> int:
        """Where the next line begins."""
        found = _BREAK.match(self.text, offset)
        return found.end() if found else offset

    def indent(self, offset: int) -> str:
        """The white space that the line of this offset begins with."""
        start = self.find_line_start(offset)
        return self.text[start : start + len(self.text[start:]) - len(self.text[start:].lstrip(" "))]
