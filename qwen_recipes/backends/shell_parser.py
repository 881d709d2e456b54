"""Commands of a shell script, tolerantly: words with their places, and the flags a command is given.

No shell is run. `shell_variables` puts in what variables hold; a word of an unknown variable stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from qwen_recipes.finding import Span
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence
from qwen_recipes.yaml_text.reader import parse_scalar

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_ARRAY_BEGINS = re.compile(r"[A-Za-z_]\w*\+?=\(")
_REDIRECTION = re.compile(r"(?:[0-9]*|&)(?:>>?|<)(\S*)\Z")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_COMMAND_ENDS = "\n;|&()"


@dataclass(frozen=True, slots=True)
class ShellWord:
    """One word of a command: its text without quotes, and where it stands."""

    text: str
    span: Span
    quoted: bool
    literal: bool = False
    """Whether single quotation marks keep variables in it from being replaced."""
    items: tuple[ShellWord, ...] | None = None
    """The words of an array, where the word is `NAME=(…)`; its text is `NAME=` or `NAME+=`."""


ShellCommand = list[ShellWord]


@lru_cache(maxsize=2)
def parse_commands(text: str) -> tuple[ShellCommand, ...]:
    """Every command of the script, each a list of words, in order."""
    return tuple(command for command in _ShellScanner(text).scan_commands() if command)


class _ShellScanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.line, self.column = 1, 1
        self.heredocs: list[str] = []

    def scan_commands(self) -> Iterator[ShellCommand]:
        words: ShellCommand = []
        while self.position < len(self.text):
            char = self.text[self.position]
            if self.text.startswith(("\\\n", "\\\r\n"), self.position):
                self._advance_to(self.text.index("\n", self.position) + 1)
            elif char == "#":
                self._advance_to(self._find_line_end())
            elif char in _COMMAND_ENDS:
                yield words
                words = []
                self._skip_command_end(char)
            elif char.isspace():
                self._advance_to(self.position + 1)
            else:
                words.append(self._read_word())
        yield words

    def _skip_command_end(self, char: str) -> None:
        self._advance_to(self.position + 1)
        if char == "\n" and self.heredocs:
            found = re.compile(rf"^[^\S\n]*{re.escape(self.heredocs.pop(0))}[^\S\n]*$", re.M).search(
                self.text, self.position
            )
            self._advance_to(found.end() if found else len(self.text))

    def _find_line_end(self) -> int:
        end = self.text.find("\n", self.position)
        return len(self.text) if end < 0 else end

    def _advance_to(self, end: int) -> str:
        passed = self.text[self.position : end]
        lines = passed.count("\n")
        self.line += lines
        self.column = len(passed) - passed.rfind("\n") if lines else self.column + len(passed)
        self.position = end
        return passed

    def _read_array(self) -> ShellWord:
        """`NAME=(…)`, over as many lines as it takes."""
        line, column, words = self.line, self.column, []
        name = self._advance_to(self.text.index("(", self.position) + 1)[:-1]
        while self.position < len(self.text) and self.text[self.position] != ")":
            char = self.text[self.position]
            if char == "#":
                self._advance_to(self._find_line_end())
            elif char == "\\" and self._is_line_continuation():
                self._advance_to(self.text.index("\n", self.position) + 1)
            elif char.isspace() or char in _COMMAND_ENDS:
                self._advance_to(self.position + 1)
            else:
                words.append(self._read_word(in_array=True))
        self._advance_to(min(self.position + 1, len(self.text)))
        return ShellWord(name, Span(line, column, self.line, self.column), False, items=tuple(words))

    def _read_word(self, *, in_array: bool = False) -> ShellWord:
        """One word. Arrays do not nest: in one, `NAME=(` is text."""
        if not in_array and _ARRAY_BEGINS.match(self.text, self.position):
            return self._read_array()
        line, column, quoted, parts = self.line, self.column, False, []
        literal = self.text[self.position] == "'"
        while self.position < len(self.text):
            char = self.text[self.position]
            if char in "'\"":
                quoted = True
                parts.append(self._read_quoted(char))
            elif self.text.startswith(("$(", "${"), self.position) or char == "`":
                parts.append(self._advance_to(self._find_substitution_end()))
            elif heredoc := _HEREDOC.match(self.text, self.position):
                self.heredocs.append(heredoc.group(2))
                self._advance_to(heredoc.end())
            elif char == "\\" and self.text[self.position + 1 : self.position + 2] not in ("\n", "\r", ""):
                parts.append(self._advance_to(self.position + 2)[1])
            elif char.isspace() or char in _COMMAND_ENDS or char == "\\":
                break
            else:
                parts.append(self._advance_to(self.position + 1))
        if self.position < len(self.text) and self.text[self.position] == "\\" and not self._is_line_continuation():
            self._advance_to(self.position + 1)
        return ShellWord("".join(parts), Span(line, column, self.line, self.column), quoted, literal)

    def _is_line_continuation(self) -> bool:
        return self.text.startswith(("\\\n", "\\\r\n"), self.position)

    def _read_quoted(self, quote: str) -> str:
        end = self.position + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if quote == '"' and self.text[end] == "\\" else 1
        inside = self._advance_to(min(end + 1, len(self.text)))[1:].removesuffix(quote)
        return re.sub(r"\\([\"\\$`\n])", r"\1", inside) if quote == '"' else inside

    def _find_substitution_end(self) -> int:
        """The end of `$(…)`, `${…}` or a pair of backticks that begins here."""
        if self.text[self.position] == "`":
            end = self.text.find("`", self.position + 1)
            return len(self.text) if end < 0 else end + 1
        opening = self.text[self.position + 1]
        closing, deep = {"(": ")", "{": "}"}[opening], 0
        for end in range(self.position + 1, len(self.text)):
            deep += (self.text[end] == opening) - (self.text[end] == closing)
            if deep == 0:
                return end + 1
        return len(self.text)


def parse_assignments(command: ShellCommand) -> dict[str, str]:
    """`NAME=value` words before the program: its environment."""
    found = {}
    for word in command:
        if not _ASSIGNMENT.match(word.text):
            break
        name, _, value = word.text.partition("=")
        found[name] = value
    return found


def drop_redirections(words: ShellCommand) -> ShellCommand:
    """The words without `> file`, `2>&1` and their like."""
    kept: ShellCommand = []
    skip = False
    for word in words:
        found = None if word.quoted else _REDIRECTION.match(word.text)
        if not found and not skip:
            kept.append(word)
        skip = found is not None and not found[1]
    return kept


def parse_flags(words: ShellCommand, file: str, text: str) -> Document:
    """The flags `--key value`, `--key=value` and `key=value` as a map; dashes in a key become underscores.

    Several values make a list, a flag without any is true; of one given twice the later counts, as with argparse.
    """
    entries: dict[str, Node] = {}
    keys: dict[str, Span] = {}
    at = 0
    while at < len(words):
        word, at = words[at], at + 1
        name, joined, value = word.text.partition("=")
        if word.text.startswith("--") and len(word.text) > 2:
            key, taken = name[2:].replace("-", "_"), [] if not joined else [_build_joined_scalar(word, value)]
            while not joined and at < len(words) and not words[at].text.startswith("--"):
                taken.append(_build_scalar(words[at]))
                at += 1
        elif joined and re.fullmatch(r"\+*[A-Za-z_][\w.]*", name):
            key, taken = name.lstrip("+"), [_build_joined_scalar(word, value)]
        else:
            continue
        entries[key], keys[key] = _build_value_node(taken, word.span), word.span
    return Document(file, text, Mapping(Span(1, 1, 1, 1), entries, keys))


def _build_value_node(values: list[Scalar], span: Span) -> Node:
    if not values:
        return Scalar(span, True, "", True)
    return values[0] if len(values) == 1 else Sequence(values[0].span, list(values))


def _build_scalar(word: ShellWord) -> Scalar:
    value = parse_scalar(word.text) if word.text else ""
    return Scalar(word.span, word.text if value is None else value, word.text, not word.quoted)


def _build_joined_scalar(word: ShellWord, value: str) -> Scalar:
    return Scalar(word.span, parse_scalar(value) if value else "", value, not word.quoted)
