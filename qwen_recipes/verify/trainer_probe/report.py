"""The table of checks, for a person and for a program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass

from qwen_recipes.backends import Backend
from qwen_recipes.verify.trainer_comparison import TrainerCheck

LONGEST_VALUE, LONGEST_FIELD = 44, 36
HEADINGS = ("field", "planned", "at the trainer", "result")


@dataclass(frozen=True)
class TrainerReport:
    """The checks of one framework; `seconds` are the probe's, without the framework's import."""

    backend: Backend
    checks: Sequence[TrainerCheck]
    notes: Mapping[str, str]
    seconds: float

    @property
    def matches(self) -> bool:
        """Whether nothing differs."""
        return all(check.result != "differs" for check in self.checks)


def format_report(report: TrainerReport) -> str:
    """A table with a line for each field, those that differ first, and a count below."""
    order = {"differs": 0, "ok": 1, "not seen": 2}
    checks = sorted(report.checks, key=lambda check: order[check.result])
    rows = [HEADINGS, *map(_list_cells, checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    table = [f"{line}  {row[3]}" for line, row in zip(lines, rows, strict=True)]
    title = f"{report.backend.title} {report.backend.version}"
    notes = [f"{field}: {note}" for field, note in report.notes.items()]
    return "\n".join([title, *notes, "", *table, "", f"{title}: {count_results(report.checks)}"])


def count_results(checks: Sequence[TrainerCheck]) -> str:
    """`1 field differs, 60 ok, 40 not compared`."""
    counts = Counter(check.result for check in checks)
    differing = counts["differs"]
    first = f"{differing} field{'' if differing == 1 else 's'} differ{'s' if differing == 1 else ''}"
    return f"{first}, {counts['ok']} ok, {counts['not seen']} not compared"


def _list_cells(check: TrainerCheck) -> tuple[str, str, str, str]:
    """A line: the reason is told where a field differs or is not seen."""
    name = "not compared" if check.result == "not seen" else check.result
    result = name if name == "ok" else f"{name}: {_drop_prefix(check.reason)}"
    seen = "" if check.result == "not seen" else _format_value(check.seen)
    return _shorten(check.field, LONGEST_FIELD), _format_value(check.planned), seen, _escape(result)


def _drop_prefix(reason: str) -> str:
    return reason.removeprefix("not seen ")


def _format_value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(_make_plain(value), ensure_ascii=False)
    return _shorten(_escape(text), LONGEST_VALUE)


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escape(text: str) -> str:
    """No character that moves a terminal's cursor."""
    return "".join(char if char.isprintable() else " " for char in text)


def _make_plain(value: object) -> object:
    """A value of the plan as JSON holds it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _make_plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _make_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_make_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def convert_to_dict(report: TrainerReport) -> dict[str, object]:
    """The same for a program."""
    return {
        "backend": report.backend.name,
        "version": report.backend.version,
        "seconds": report.seconds,
        "notes": dict(report.notes),
        "checks": [
            {
                "field": check.field,
                "planned": _make_plain(check.planned),
                "seen": _make_plain(check.seen),
                "result": check.result,
                "reason": check.reason,
            }
            for check in report.checks
        ],
    }
