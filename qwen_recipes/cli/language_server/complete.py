"""Completion: the fields that may stand here and do not yet, or the values of the one that is being written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qwen_recipes.cli.language_server.cursor import Cursor, cursor_at
from qwen_recipes.cli.language_server.words import Word, keys_at, values_at


@dataclass(frozen=True)
class Offer:
    """One completion: `text` replaces the `replaces` characters before the cursor."""

    label: str
    text: str
    replaces: int
    kind: Literal["field", "value"]
    meaning: str


def offers(lines: list[str], line: int, column: int) -> list[Offer]:
    """What may be written at a place (line and column in characters, from 0). Nothing inside a comment."""
    before = lines[line][:column] if line < len(lines) else ""
    if before.lstrip().startswith("#") or " #" in before:
        return []
    cursor = cursor_at(lines, line, column)
    in_list = cursor.parent[-1:] == (0,) and not keys_at(cursor.parent)
    if cursor.key is None and not in_list:
        words = [word for word in keys_at(cursor.parent) if word.text not in cursor.taken]
        ends = "" if lines[line][column : column + 1] == ":" else ":"
        return [_key(word, cursor, ends) for word in words]
    route = cursor.parent[:-1] if cursor.key is None else (*cursor.parent, cursor.key)
    space = " " if before.endswith((":", ",")) else ""
    return [Offer(word.text, space + word.text, len(cursor.typed), "value", word.meaning) for word in values_at(route)]


def _key(word: Word, cursor: Cursor, ends: str) -> Offer:
    space = "" if word.opens or not ends else " "
    return Offer(word.text, f"{word.text}{ends}{space}", len(cursor.typed), "field", word.meaning)
