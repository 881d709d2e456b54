"""What preparing rows did, counted: written beside them as rows.json and said at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .flags import is_trained
from .row import Row
from .written_roles import explain_unseen_roles

MAX_PRINTED = 10


class RowCounts:
    """Counts of rows and examples. `left_out` has a reason for each that is not trained on."""

    def __init__(self) -> None:
        self.rows = {"read": 0, "train": 0, "validation": 0, "bad": 0, "overlong": 0}
        self.tokens = 0
        self.split: Counter[str] = Counter()
        """`conversations` that became several examples, and those `examples`."""
        self.flagged = 0
        """Assistant turns that a flag takes out of the loss."""
        self.unread: Counter[str] = Counter()
        """Rows by the keys in them that nothing reads."""
        self.written_roles: dict[tuple[tuple[str, str], ...], Counter[str]] = {}
        """Rows by the roles that they write, for each `roles` of a source."""
        self.left_out: list[dict[str, Any]] = []

    def count_row(self, row: Row, examples: list[Row]) -> None:
        """A row that is read, and the examples that it becomes."""
        self.flagged += sum(not is_trained(m) for m in row.get("messages", ()) if m["role"] == "assistant")
        if len(examples) > 1:
            self.split["conversations"] += 1
            self.split["examples"] += len(examples)

    def count_roles(self, roles: Mapping[str, str], row_roles: set[str]) -> None:
        """The roles of a row, whose source names some in `roles`."""
        self.written_roles.setdefault(tuple(roles.items()), Counter()).update(row_roles)

    def find_unseen_roles(self) -> list[str]:
        """What is wrong with names in `roles` that no row has."""
        told = (explain_unseen_roles(dict(roles), seen) for roles, seen in self.written_roles.items())
        return [why for why in told if why]

    def leave_out(self, kind: str, file: str, line: int, part: int, reason: str) -> None:
        """Count what is not trained on: a row, or an example of one where `part` counts from 1."""
        self.rows[kind] += 1
        where = {"file": file, "line": line, **({"example": part} if part else {})}
        self.left_out.append({**where, "why": reason})

    def to_report(self) -> dict[str, object]:
        """Everything, for rows.json."""
        return {
            "counts": self.rows,
            "tokens": self.tokens,
            "split": dict(self.split),
            "turns_without_loss": self.flagged,
            "keys_not_read": dict(self.unread),
            "roles_not_seen": self.find_unseen_roles(),
            "left_out": self.left_out,
        }

    def print_left_out(self, report: str) -> None:
        """The first rows that are left out, and names in `roles` that no row has; all of them stand in `report`."""
        for why in self.find_unseen_roles():
            print(f"rows: {why}", file=sys.stderr)
        for row in self.left_out[:MAX_PRINTED]:
            part = f", example {row['example']}" if "example" in row else ""
            print(f"rows: {row['file']}:{row['line']}{part}: left out: {row['why']}", file=sys.stderr)
        if len(self.left_out) > MAX_PRINTED:
            print(f"rows: and {len(self.left_out) - MAX_PRINTED} more, all in {report}", file=sys.stderr)

    def print_counts(self) -> None:
        """One line of numbers, and one for each thing that changes what is trained."""
        print("rows: " + ", ".join(f"{count} {name}" for name, count in self.rows.items()), file=sys.stderr)
        if self.split:
            made = f"{self.split['conversations']} conversations became {self.split['examples']} examples"
            print(f"rows: {made}, one for each user query (chat.turns: split)", file=sys.stderr)
        if self.flagged:
            print(f"rows: {self.flagged} assistant turns carry no loss (train, weight, loss)", file=sys.stderr)
        if self.unread:
            keys = ", ".join(f"`{key}` in {count} rows" for key, count in self.unread.most_common(MAX_PRINTED))
            print(f"rows: not read: {keys}", file=sys.stderr)
