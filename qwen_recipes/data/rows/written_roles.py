"""Roles as rows write them, beside those that `roles` of their source names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from .columns import rename_known_columns
from .message_forms import ROLES, find_role

ROLE_KEYS = ("role", "from")
MOST_NAMED = 8
"""Roles of rows that a message names."""


def find_written_roles(row: object, columns: Mapping[str, str]) -> set[str]:
    """The roles of a row's messages under the row's own names."""
    if not isinstance(row, dict):
        return set()
    keys = (columns["role"],) if "role" in columns else ROLE_KEYS
    named = rename_known_columns(row, {ours: theirs for ours, theirs in columns.items() if ours != "role"})
    return {role for message in _list_messages(named) if isinstance(role := _get_role(message, keys), str)}


def _list_messages(value: object) -> Iterator[dict[str, object]]:
    """Maps in the lists of a row, and in those of the maps in it (OpenAI's `input`)."""
    for item in value.values() if isinstance(value, dict) else ():
        if isinstance(item, dict):
            yield item
            yield from _list_messages(item)
        elif isinstance(item, list):
            yield from (message for message in item if isinstance(message, dict))


def _get_role(message: dict[str, object], keys: Iterable[str]) -> object:
    return next((message[key] for key in keys if key in message), None)


def explain_unseen_roles(roles: Mapping[str, str], seen: Counter[str]) -> str:
    """What is wrong with names in `roles` that no row has; empty where each was seen."""
    unseen = [name for name in roles if not seen[name]]
    if not unseen:
        return ""
    others = [name for name in seen if name not in roles]
    others.sort(key=lambda name: (find_role(name) in ROLES, -seen[name]))
    named = ", ".join(f"`{name[:40]}` in {seen[name]:,}" for name in others[:MOST_NAMED])
    rest = f"; other roles, by rows: {named}" if named else ""
    return f"`roles` names {', '.join(f'`{name}`' for name in unseen)}, which no row has{rest}"
