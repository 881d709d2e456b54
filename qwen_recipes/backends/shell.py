"""Commands of a shell script, tolerantly: words with their places, and the flags a command is given.

No shell is run and no variable expanded: a word that holds `$` stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qwen_recipes.recipe.finding import Span
from qwen_recipes.recipe.nodes import Document, Mapping, Node, Scalar, Sequence
from qwen_recipes.recipe.reader import plain_value

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_ENDS = "\n;|&()"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command: its text without quotes, and where it stands."""

    text: str
    span: Span
    quoted: bool


Command = list[Word]


def commands(text: str) -> list[Command]:
    """Every command of the script, each a list of words, in order."""
    return [command for command in _Scanner(text).commands() if command]


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line, self.column = 1, 1
        self.heredocs: list[str] = []

    def commands(self) -> Iterator[Command]:
        words: Command = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if self.text.startswith(("\\\n", "\\\r\n"), self.at):
                self._skip(self.text.index("\n", self.at) + 1)
            elif char == "#":
                self._skip(self._line_end())
            elif char in _ENDS:
                yield words
                words = []
                self._end(char)
            elif char.isspace():
                self._skip(self.at + 1)
            else:
                words.append(self._word())
        yield words

    def _end(self, char: str) -> None:
        self._skip(self.at + 1)
        if char == "\n" and self.heredocs:
            found = re.compile(rf"^\s*{re.escape(self.heredocs.pop(0))}\s*$", re.M).search(self.text, self.at)
            self._skip(found.end() if found else len(self.text))

    def _line_end(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end

    def _skip(self, to: int) -> str:
        passed = self.text[self.at : to]
        lines = passed.count("\n")
        self.line += lines
        self.column = len(passed) - passed.rfind("\n") if lines else self.column + len(passed)
        self.at = to
        return passed

    def _word(self) -> Word:
        line, column, quoted, parts = self.line, self.column, False, []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "'\"":
                quoted = True
                parts.append(self._quoted(char))
            elif self.text.startswith(("$(", "${"), self.at) or char == "`":
                parts.append(self._skip(self._closed()))
            elif heredoc := _HEREDOC.match(self.text, self.at):
                self.heredocs.append(heredoc.group(2))
                self._skip(heredoc.end())
            elif char == "\\" and self.text[self.at + 1 : self.at + 2] not in ("\n", "\r", ""):
                parts.append(self._skip(self.at + 2)[1])
            elif char.isspace() or char in _ENDS or char == "\\":
                break
            else:
                parts.append(self._skip(self.at + 1))
        if self.at < len(self.text) and self.text[self.at] == "\\" and not self._continues():
            self._skip(self.at + 1)
        return Word("".join(parts), Span(line, column, self.line, self.column), quoted)

    def _continues(self) -> bool:
        return self.text.startswith(("\\\n", "\\\r\n"), self.at)

    def _quoted(self, quote: str) -> str:
        end = self.at + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if quote == '"' and self.text[end] == "\\" else 1
        inside = self._skip(min(end + 1, len(self.text)))[1:].removesuffix(quote)
        return re.sub(r"\\([\"\\$`\n])", r"\1", inside) if quote == '"' else inside

    def _closed(self) -> int:
        """The end of `$(…)`, `${…}` or a pair of backticks that begins here."""
        if self.text[self.at] == "`":
            end = self.text.find("`", self.at + 1)
            return len(self.text) if end < 0 else end + 1
        opening = self.text[self.at + 1]
        closing, deep = {"(": ")", "{": "}"}[opening], 0
        for end in range(self.at + 1, len(self.text)):
            deep += (self.text[end] == opening) - (self.text[end] == closing)
            if deep == 0:
                return end + 1
        return len(self.text)


def assignments(command: Command) -> dict[str, str]:
    """`NAME=value` words before the program: its environment."""
    found = {}
    for word in command:
        if not _ASSIGNMENT.match(word.text):
            break
        name, _, value = word.text.partition("=")
        found[name] = value
    return found


def flags(words: Command, file: str, text: str) -> Document:
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
            key, taken = name[2:].replace("-", "_"), [] if not joined else [_part(word, value)]
            while not joined and at < len(words) and not words[at].text.startswith("--"):
                taken.append(_scalar(words[at]))
                at += 1
        elif joined and re.fullmatch(r"\+*[A-Za-z_][\w.]*", name):
            key, taken = name.lstrip("+"), [_part(word, value)]
        else:
            continue
        entries[key], keys[key] = _node(taken, word.span), word.span
    return Document(file, text, Mapping(Span(1, 1, 1, 1), entries, keys))


def _node(taken: list[Scalar], at: Span) -> Node:
    if not taken:
        return Scalar(at, True, "", True)
    return taken[0] if len(taken) == 1 else Sequence(taken[0].span, list(taken))


def _scalar(word: Word) -> Scalar:
    value = plain_value(word.text) if word.text else ""
    return Scalar(word.span, word.text if value is None else value, word.text, not word.quoted)


def _part(word: Word, value: str) -> Scalar:
    return Scalar(word.span, plain_value(value) if value else "", value, not word.quoted)
