"""What a comparison of tokens found, in numbers and in context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qwen_recipes.backends import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.labels import Encoder
from qwen_recipes.verify.compare import KINDS, Difference, compare
from qwen_recipes.verify.explained import Known, explained
from qwen_recipes.verify.rows import Picked

AROUND = 6
"""Tokens shown on each side of the first that differs."""


@dataclass(frozen=True)
class Shown:
    """The first difference of its kind: where, and what stands there, in ours and theirs."""

    file: str
    line: int
    difference: Difference
    ours: str
    theirs: str


@dataclass
class Outcome:
    """One framework against our definition."""

    backend: str
    title: str
    rows: int = 0
    ids: int = 0
    labels: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    first: dict[str, Shown] = field(default_factory=dict)
    known: dict[str, Known | None] = field(default_factory=dict)
    """What explains each kind, where it is no news."""

    @property
    def same(self) -> bool:
        """Whether every row has our ids and labels."""
        return self.labels == self.rows


def outcome(
    backend: Backend, plan: Plan, picked: Sequence[Picked], answers: dict[int, dict[str, Any]], encoder: Encoder
) -> Outcome:
    """Every picked row against the framework's answer at its place."""
    found = Outcome(backend.name, backend.title, rows=len(picked))
    for place, row in enumerate(picked):
        theirs = answers.get(place)
        difference = compare(row.encoded, theirs)
        found.ids += difference.verdict in ("same", "labels")
        found.labels += difference.verdict == "same"
        if difference.verdict != "same":
            found.kinds[difference.kind] += 1
            if difference.kind not in found.first:
                ours, other = in_context(row, theirs or {}, difference, encoder)
                found.first[difference.kind] = Shown(row.file, row.line, difference, ours, other)
                known = explained(backend.name, plan.objective.type, plan.chat.template, difference.kind)
                found.known[difference.kind] = None if plan.chat.exact else known
    return found


def in_context(row: Picked, theirs: dict[str, Any], difference: Difference, encoder: Encoder) -> tuple[str, str]:
    """The tokens around the first that differs, in ours and in theirs, or why they have none.

    Each token is in quotes; those that carry loss with a plus, the one in question in brackets.
    """
    ours = _context(row.encoded.ids, row.encoded.labels, difference.at, encoder)
    if not theirs.get("input_ids"):
        return ours, difference.said
    return ours, _context(theirs["input_ids"], theirs["labels"], difference.at, encoder)


def _context(ids: Sequence[int], labels: Sequence[int], at: int, encoder: Encoder) -> str:
    places = range(max(0, at - AROUND), min(len(ids), at + AROUND))
    shown = [("+" if labels[n] >= 0 else "") + repr(encoder.decode([ids[n]]))[1:-1] for n in places]
    return " ".join(f"[{text}]" if n == at else text for n, text in zip(places, shown, strict=True))


def as_data(found: Outcome) -> dict[str, Any]:
    """The outcome as JSON."""
    first = {
        kind: {
            "file": shown.file,
            "line": shown.line,
            "token": shown.difference.at,
            "verdict": shown.difference.verdict,
            "ours": shown.ours,
            "theirs": shown.theirs,
            "guard": known.guard if (known := found.known[kind]) else None,
            "why": known.why if known else None,
        }
        for kind, shown in found.first.items()
    }
    counts = {"rows": found.rows, "ids": found.ids, "labels": found.labels}
    return {"backend": found.backend, **counts, "kinds": dict(found.kinds), "first": first}


def as_text(found: Outcome) -> str:
    """The outcome for a person."""
    lines = [f"{found.title}: ids of {found.ids} of {found.rows} rows are ours, ids and labels of {found.labels}"]
    for kind, count in found.kinds.most_common():
        shown = found.first[kind]
        known = found.known[kind]
        lines += [
            f"  {count} rows: {KINDS[kind]}",
            f"    {known.why} ({known.guard})" if known else "    not known here: please report it",
            f"    {shown.file}:{shown.line}, token {shown.difference.at}",
            f"      ours    {shown.ours}",
            f"      theirs  {shown.theirs}",
        ]
    return "\n".join(lines)


def between(backends: Sequence[str], answers: Sequence[dict[int, dict[str, Any]]], count: int) -> list[dict[str, Any]]:
    """For each two frameworks, the rows whose ids and labels are the same in both."""
    pairs = [(a, b) for b in range(len(backends)) for a in range(b)]
    return [
        {"backends": [backends[a], backends[b]], "rows": count, "same": _agree(answers[a], answers[b], count)}
        for a, b in pairs
    ]


def _agree(one: dict[int, dict[str, Any]], other: dict[int, dict[str, Any]], count: int) -> int:
    return sum(_tokens(one.get(n)) == _tokens(other.get(n)) for n in range(count))


def _tokens(answer: dict[str, Any] | None) -> Any:
    """Ids and labels, but for the first label, which nothing predicts; None for a row that was left out."""
    if not answer or "error" in answer:
        return None
    return answer["input_ids"], answer["labels"][1:]
