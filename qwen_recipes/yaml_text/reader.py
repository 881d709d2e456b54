"""Read YAML as people mean it.

`1e-4` is a number, `on` and `no` are text, a key given twice is an error. Written over the parser's events and not
over its loader: the loader recurses, expands aliases without end, and forgets where a value stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from qwen_recipes.filesystem.read_file import explain_size, get_max_bytes
from qwen_recipes.finding import MAX_FINDINGS, Finding, RecipeError, Span
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence

MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_SCALAR = 65_536
"""Characters of one value or key."""

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,30}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?\Z")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NOT_FINITE = re.compile(r"([-+]?)\.(inf|nan)\Z", re.IGNORECASE)


def parse_scalar(text: str) -> object:
    """What an unquoted scalar means: the core schema of YAML 1.2, with numbers as people write them."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if _NOT_FINITE.match(text):
        return float(text.replace(".", "", 1))
    return text


def read_yaml(content: bytes | str, file: str, duplicate_keys: list[Finding] | None = None) -> Document:
    """Read one YAML document. Raises RecipeError with every problem that the text itself has.

    With `duplicate_keys`, a key given twice is noted there instead, and its last value counts, as it does for PyYAML.
    """
    text = _decode_utf8(content, file)
    _check_printable(text, file)
    return _YamlReader(file, text, duplicate_keys).document()


def _decode_utf8(content: bytes | str, file: str) -> str:
    if isinstance(content, str):
        return content
    if len(content) > get_max_bytes("recipe"):
        _raise_recipe_error(file, f"the file is too large: {explain_size('recipe', len(content))}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _raise_recipe_error(
            file, f"the file is not UTF-8 (byte {error.start})", Span(line, 1, line, 1), "save the file as UTF-8"
        )


def _check_printable(text: str, file: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found:
        line, column = text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
        shown = f"U+{ord(found.group()):04X}"
        span = Span(line, column, line, column + 1)
        _raise_recipe_error(file, f"the character {shown} is not allowed in YAML", span, "remove it")


def _raise_recipe_error(file: str, message: str, span: Span | None = None, suggestion: str = "") -> NoReturn:
    raise RecipeError([Finding("recipe", "error", message, file=file, span=span, suggestion=suggestion)])


def _make_span(start: Any, end: Any) -> Span:
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


@dataclass
class _OpenCollection:
    """A list or map that is being read."""

    start: Any
    anchor: str | None
    is_map: bool
    items: list[Node] = field(default_factory=list)
    key: Scalar | None = None
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)


class _YamlReader:
    def __init__(self, file: str, text: str, duplicate_keys: list[Finding] | None) -> None:
        self.file = file
        self.duplicate_keys = duplicate_keys
        self.text = text
        self.lines = text.splitlines()
        self.count = 0
        self.extents: dict[int, tuple[int, int]] = {}
        self.anchors: dict[str, Node] = {}
        self.findings: list[Finding] = []
        self.root: Node | None = None
        self.stack: list[_OpenCollection] = []

    def document(self) -> Document:
        for event in self._parse_events():
            self._consume_event(event)
        if self.root is None:
            _raise_recipe_error(
                self.file, "the file is empty", suggestion="start with `recipes init`, or copy an example"
            )
        if self.findings:
            raise RecipeError([self._add_line_text(f) for f in self.findings])
        return Document(self.file, self.text, self.root)

    def _add_line_text(self, finding: Finding) -> Finding:
        line = self._get_line_text(finding.span) if finding.span else ""
        return Finding(**{**finding.__dict__, "line": line})

    def _get_line_text(self, span: Span) -> str:
        return self.lines[span.line - 1] if 0 < span.line <= len(self.lines) else ""

    def _parse_events(self) -> Iterator[object]:
        try:
            yield from yaml.parse(self.text, Loader=Loader)
        except yaml.MarkedYAMLError as error:
            span = self._locate_error(error)
            tabbed = span is not None and "\t" in self._get_line_text(span)[: span.column]
            advice = "indent with spaces" if tabbed else _suggest_yaml_fix(error)
            self._add_finding(_describe_yaml_error(error), span, advice)
            raise RecipeError([self._add_line_text(f) for f in self.findings]) from None
        except yaml.YAMLError as error:
            _raise_recipe_error(self.file, f"invalid YAML: {str(error).splitlines()[0]}")

    def _locate_error(self, error: yaml.MarkedYAMLError) -> Span | None:
        """Where the parser stopped; at the end of the text, where it began what never ends, or the last line."""
        lines = self.lines or [""]
        marks = [mark for mark in (error.problem_mark, error.context_mark) if mark]
        inside = [mark for mark in marks if mark.line < len(lines)]
        if inside or not marks:
            return _make_span(inside[0], inside[0]) if inside else None
        column = len(lines[-1]) + 1
        return Span(len(lines), column, len(lines), column)

    def _add_finding(self, message: str, span: Span | None, suggestion: str = "") -> None:
        self.findings.append(Finding("recipe", "error", message, file=self.file, span=span, suggestion=suggestion))
        if len(self.findings) > MAX_FINDINGS:
            raise RecipeError([self._add_line_text(f) for f in self.findings])

    def _raise_findings(self, message: str, span: Span) -> NoReturn:
        self._add_finding(message, span)
        raise RecipeError([self._add_line_text(f) for f in self.findings])

    def _consume_event(self, event: object) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._attach_node(self._make_scalar(event), event.anchor)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open_collection(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close_collection(event)
        elif isinstance(event, yaml.AliasEvent):
            self._resolve_alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._raise_findings(
                "a second YAML document starts here; a recipe is a single document",
                _make_span(event.start_mark, event.end_mark),
            )

    def _make_scalar(self, event: Any) -> Scalar:
        span = _make_span(event.start_mark, event.end_mark)
        if len(event.value) > MAX_SCALAR:
            self._raise_findings(
                f"the value is too long: {len(event.value):,} characters; the maximum is {MAX_SCALAR:,}", span
            )
        if "\0" in event.value:
            self._add_finding("the character U+0000 is not allowed in a value", span, "remove it")
        plain = not event.style and event.tag is None
        self._check_tag(event, span, "tag:yaml.org,2002:str")
        return Scalar(span, parse_scalar(event.value) if plain else event.value, event.value, plain)

    def _check_tag(self, event: Any, span: Span, *allowed: str) -> None:
        if event.tag not in (None, "!", *allowed):
            self._add_finding(f"the tag {event.tag} is not supported", span, "remove the tag")

    def _open_collection(self, event: Any) -> None:
        self._check_tag(event, _make_span(event.start_mark, event.end_mark))
        if len(self.stack) >= MAX_DEPTH:
            self._raise_findings(f"nested deeper than {MAX_DEPTH} levels", _make_span(event.start_mark, event.end_mark))
        self.stack.append(_OpenCollection(event.start_mark, event.anchor, isinstance(event, yaml.MappingStartEvent)))

    def _close_collection(self, event: Any) -> None:
        done = self.stack.pop()
        span = _make_span(done.start, event.end_mark)
        node: Node = Mapping(span, done.entries, done.keys) if done.is_map else Sequence(span, done.items)
        for other in done.merged:
            self._merge_mapping(done, other)
        self._attach_node(node, done.anchor)

    def _resolve_alias(self, event: Any) -> None:
        span = _make_span(event.start_mark, event.end_mark)
        node = self.anchors.get(event.anchor)
        if node is None:
            self._raise_findings(f"undefined alias *{event.anchor}: there is no &{event.anchor} before it", span)
        self._attach_node(node, None, alias_span=span)

    def _attach_node(self, node: Node, anchor: str | None, alias_span: Span | None = None) -> None:
        """Put a finished node where it belongs: under the waiting key, into the list, or at the root."""
        count, deep = self._measure_node(node) if alias_span else (1, 0)
        self.count += count
        if self.count > MAX_NODES:
            self._raise_findings(f"this expands to more than {MAX_NODES:,} values", alias_span or node.span)
        if len(self.stack) + deep > MAX_DEPTH:
            self._raise_findings(f"nested deeper than {MAX_DEPTH} levels", alias_span or node.span)
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if not parent.is_map:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._make_key(node, alias_span)
        else:
            self._add_entry(parent, parent.key, node)
            parent.key = None

    def _measure_node(self, node: Node) -> tuple[int, int]:
        """How many values an alias brings and how deep; remembered, so that aliases of aliases cost nothing."""
        known = self.extents.get(id(node))
        if known is None:
            children: list[Node] = []
            if isinstance(node, Mapping):
                children = list(node.entries.values())
            elif isinstance(node, Sequence):
                children = node.items
            parts = [self._measure_node(child) for child in children]
            known = (1 + sum(count for count, _ in parts), 1 + max((deep for _, deep in parts), default=0))
            self.extents[id(node)] = known
        return known

    def _make_key(self, node: Node, alias_span: Span | None) -> Scalar:
        if isinstance(node, Scalar) and (isinstance(node.value, (str, int)) or node.value is None):
            return Scalar(alias_span or node.span, node.raw, node.raw, node.plain)
        self._add_finding("keys must be text", alias_span or node.span)
        return Scalar(alias_span or node.span, "?", "?", True)

    def _add_entry(self, parent: _OpenCollection, key: Scalar, node: Node) -> None:
        name = str(key.value)
        if name == "<<" and key.plain:
            parent.merged.extend(node.items if isinstance(node, Sequence) else [node])
            return
        if name in parent.entries:
            self._report_duplicate_key(name, key.span, parent.keys[name].line)
            if self.duplicate_keys is None:
                return
        parent.entries[name] = node
        parent.keys[name] = key.span

    def _report_duplicate_key(self, name: str, span: Span, first_line: int) -> None:
        message = f"duplicate key `{name}`, first on line {first_line}"
        self._add_finding(message, span, "keep one of them")
        if self.duplicate_keys is not None:
            self.duplicate_keys.append(self._add_line_text(self.findings.pop()))

    def _merge_mapping(self, target: _OpenCollection, other: Node) -> None:
        if not isinstance(other, Mapping):
            self._add_finding("`<<` takes a map", other.span)
            return
        for name, node in other.entries.items():
            if name not in target.entries:
                target.entries[name] = node
                target.keys[name] = other.keys[name]


def _describe_yaml_error(error: yaml.MarkedYAMLError) -> str:
    """What the parser says; libyaml has a limit to nesting of its own, which it meets while looking ahead."""
    problem = str(error.problem or error.context)
    if "nesting depth" in problem:
        return f"nested deeper than {MAX_DEPTH} levels"
    return f"invalid YAML: {problem}"


def _suggest_yaml_fix(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "mapping values are not allowed" in problem:
        return "quote text that contains a colon, or check the indentation"
    return "check the indentation, quotes and brackets near here"
