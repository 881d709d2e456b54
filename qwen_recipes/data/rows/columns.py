"""Columns of a row under our names: `columns` of a source, whose values may lead into maps and lists (`a.b.0.c`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .row import BadRowError, Row

MESSAGE_KEYS = ("role", "content")
"""Names that `columns` gives to keys of each message."""
MOST_NAMED = 8
"""Keys of a row that a message names."""


def rename_columns(row: Row, columns: Mapping[str, str]) -> Row:
    """The row with its columns under our names too. Raises BadRowError where one is not there."""
    if not columns:
        return row
    asked = drop_message_keys(columns)
    found = {ours: get_column(row, theirs) for ours, theirs in asked.items()}
    missing = [theirs for ours, theirs in asked.items() if found[ours] is _MISSING]
    if missing:
        raise BadRowError(f"no column {', '.join(missing)}; the row has {_name_keys(row)}")
    made = {**row, **found}
    within = {ours: columns[ours] for ours in MESSAGE_KEYS if ours in columns}
    return {name: _rename_in_messages(value, within) for name, value in made.items()} if within else made


def drop_message_keys(columns: Mapping[str, str]) -> Mapping[str, str]:
    """Those of the columns that are a row's and not a message's."""
    return {ours: theirs for ours, theirs in columns.items() if ours not in MESSAGE_KEYS}


def _rename_in_messages(value: object, columns: Mapping[str, str]) -> object:
    """A list of messages with their keys under our names; anything else as it is. Raises BadRowError."""
    if not isinstance(value, list) or not value or not all(isinstance(message, dict) for message in value):
        return value
    made = []
    for message in value:
        found = {ours: get_column(message, theirs) for ours, theirs in columns.items()}
        made.append({**message, **{ours: one for ours, one in found.items() if one is not _MISSING}})
    return made


def rename_known_columns(row: Row, columns: Mapping[str, str]) -> Row:
    """The row with those of its columns under our names that are there."""
    found = {ours: get_column(row, theirs) for ours, theirs in columns.items()}
    return {**row, **{ours: value for ours, value in found.items() if value is not _MISSING}}


_MISSING = object()
_PLACE = re.compile(r"-?[0-9]{1,9}")
"""A place in a list, as in `messages.-1`."""


def get_column(row: Row, path: str) -> object:
    """The value under a key, or along a path of keys and places in lists; `_MISSING` where there is none."""
    if path in row:
        return row[path]
    value: Any = row
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and _PLACE.fullmatch(step) and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value


def _name_keys(row: Row) -> str:
    keys = [f"`{str(key)[:40]}`" for key in row][:MOST_NAMED]
    return (", ".join(keys) or "no keys") + (" …" if len(row) > MOST_NAMED else "")
