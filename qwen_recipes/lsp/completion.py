"""Completion: the fields that may stand here and do not yet, or the values of the one that is being written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qwen_recipes.lsp.cursor import Cursor, locate_cursor
from qwen_recipes.lsp.spec_lookup import Candidate, list_keys, list_values


@dataclass(frozen=True)
class Completion:
    """One completion: `text` replaces the `replaced_length` characters before the cursor."""

    label: str
    text: str
    replaced_length: int
    kind: Literal["field", "value"]
    meaning: str


def find_completions(lines: list[str], line: int, column: int) -> list[Completion]:
    """What may be written at a place (line and column in characters, from 0). Nothing inside a comment."""
    before = lines[line][:column] if line < len(lines) else ""
    if before.lstrip().startswith("#") or " #" in before:
        return []
    cursor = locate_cursor(lines, line, column)
    in_list = cursor.parent[-1:] == (0,) and not list_keys(cursor.parent)
    if cursor.key is None and not in_list:
        words = [word for word in list_keys(cursor.parent) if word.text not in cursor.existing_keys]
        ends = "" if lines[line][column : column + 1] == ":" else ":"
        return [_complete_key(word, cursor, ends) for word in words]
    route = cursor.parent[:-1] if cursor.key is None else (*cursor.parent, cursor.key)
    space = " " if before.endswith((":", ",")) else ""
    return [
        Completion(word.text, space + word.text, len(cursor.typed), "value", word.meaning)
        for word in list_values(route)
    ]


def _complete_key(candidate: Candidate, cursor: Cursor, suffix: str) -> Completion:
    space = "" if candidate.opens_mapping or not suffix else " "
    return Completion(candidate.text, f"{candidate.text}{suffix}{space}", len(cursor.typed), "field", candidate.meaning)
