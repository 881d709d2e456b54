"""What a comparison of tokens found, in numbers and in context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qwen_recipes.backends import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.verification import KnownDifference
from qwen_recipes.data.encoder import Encoder
from qwen_recipes.verify.compare import DIFFERENCE_KINDS, TokenDifference, compare_tokens
from qwen_recipes.verify.known_differences import find_known_difference
from qwen_recipes.verify.row_sample import SampledRow

CONTEXT_TOKENS = 6
"""Tokens shown on each side of the first that differs."""


@dataclass(frozen=True)
class DifferenceExample:
    """The first difference of its kind: where, and what stands there, in ours and theirs."""

    file: str
    line: int
    difference: TokenDifference
    ours: str
    theirs: str


@dataclass
class BackendComparison:
    """One framework against our definition."""

    backend: str
    title: str
    rows: int = 0
    ids: int = 0
    labels: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    first: dict[str, DifferenceExample] = field(default_factory=dict)
    known: dict[str, KnownDifference | None] = field(default_factory=dict)
    """What explains each kind, where it is no news."""

    @property
    def is_identical(self) -> bool:
        """Whether every row has our ids and labels."""
        return self.labels == self.rows


def compare_backend(
    backend: Backend, plan: Plan, sampled: Sequence[SampledRow], answers: dict[int, dict[str, object]], encoder: Encoder
) -> BackendComparison:
    """Every picked row against the framework's answer at its place."""
    found = BackendComparison(backend.name, backend.title, rows=len(sampled))
    for place, row in enumerate(sampled):
        theirs = answers.get(place)
        difference = compare_tokens(row.encoded, theirs)
        found.ids += difference.verdict in ("same", "labels")
        found.labels += difference.verdict == "same"
        if difference.verdict != "same":
            found.kinds[difference.kind] += 1
            if difference.kind not in found.first:
                ours, other = format_context(row, theirs or {}, difference, encoder)
                found.first[difference.kind] = DifferenceExample(row.file, row.line, difference, ours, other)
                known = find_known_difference(backend.name, plan.objective.type, plan.chat.template, difference.kind)
                found.known[difference.kind] = None if plan.chat.exact else known
    return found


def format_context(
    row: SampledRow, theirs: dict[str, Any], difference: TokenDifference, encoder: Encoder
) -> tuple[str, str]:
    """The tokens around the first that differs, in ours and in theirs, or why they have none.

    Each token is in quotes; those that carry loss with a plus, the one in question in brackets.
    """
    ours = _format_tokens(row.encoded.ids, row.encoded.labels, difference.position, encoder)
    if not theirs.get("input_ids"):
        return ours, difference.error_message
    return ours, _format_tokens(theirs["input_ids"], theirs["labels"], difference.position, encoder)


def _format_tokens(ids: Sequence[int], labels: Sequence[int], position: int, encoder: Encoder) -> str:
    places = range(max(0, position - CONTEXT_TOKENS), min(len(ids), position + CONTEXT_TOKENS))
    shown = [("+" if labels[n] >= 0 else "") + repr(encoder.decode([ids[n]]))[1:-1] for n in places]
    return " ".join(f"[{text}]" if n == position else text for n, text in zip(places, shown, strict=True))


def to_dict(comparison: BackendComparison) -> dict[str, Any]:
    """The outcome as JSON."""
    first = {
        kind: {
            "file": shown.file,
            "line": shown.line,
            "token": shown.difference.position,
            "verdict": shown.difference.verdict,
            "ours": shown.ours,
            "theirs": shown.theirs,
            "guard": known.guard if (known := comparison.known[kind]) else None,
            "why": known.why if known else None,
        }
        for kind, shown in comparison.first.items()
    }
    counts = {"rows": comparison.rows, "ids": comparison.ids, "labels": comparison.labels}
    return {"backend": comparison.backend, **counts, "kinds": dict(comparison.kinds), "first": first}


def format_text(comparison: BackendComparison) -> str:
    """The outcome for a person."""
    lines = [
        f"{comparison.title}: {comparison.labels} of {comparison.rows} rows match (token ids and labels)"
        + (f"; token ids match in {comparison.ids}" if comparison.ids != comparison.labels else "")
    ]
    for kind, count in comparison.kinds.most_common():
        shown = comparison.first[kind]
        known = comparison.known[kind]
        lines += [
            f"  {count} {'row' if count == 1 else 'rows'}: {DIFFERENCE_KINDS[kind]}",
            f"    {known.why} ({known.guard})" if known else "    unknown difference: please report it",
            f"    {shown.file}:{shown.line}, token {shown.difference.position}",
            f"      expected   {shown.ours}",
            f"      framework  {shown.theirs}",
        ]
    return "\n".join(lines)


def count_pairwise_matches(
    backends: Sequence[str], answers: Sequence[dict[int, dict[str, object]]], count: int
) -> list[dict[str, object]]:
    """For each two frameworks, the rows whose ids and labels are the same in both."""
    pairs = [(a, b) for b in range(len(backends)) for a in range(b)]
    return [
        {"backends": [backends[a], backends[b]], "rows": count, "same": _count_matches(answers[a], answers[b], count)}
        for a, b in pairs
    ]


def _count_matches(one: dict[int, dict[str, object]], other: dict[int, dict[str, object]], count: int) -> int:
    return sum(_ids_and_labels(one.get(n)) == _ids_and_labels(other.get(n)) for n in range(count))


def _ids_and_labels(answer: dict[str, Any] | None) -> Any:
    """Ids and labels, but for the first label, which nothing predicts; None for a row that was left out."""
    if not answer or "error" in answer:
        return None
    return answer["input_ids"], answer["labels"][1:]
