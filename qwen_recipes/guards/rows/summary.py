"""What was found, as plain data: what the text, the JSON and the page all say."""

from __future__ import annotations

from typing import Any

from qwen_recipes.data.lengths import PERCENTILES, Lengths
from qwen_recipes.guards.rows import row_guards
from qwen_recipes.guards.rows.check import Checked
from qwen_recipes.guards.rows.tally import Tally

BARS = 40
"""At most so many bars in a histogram."""
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


def summary(checked: Checked, overlong: str = "") -> dict[str, Any]:
    """Everything that is told of the rows; lengths in tokens, shares between 0 and 1."""
    rules = checked.rules
    made: dict[str, Any] = {
        "model": rules.model.id,
        "template": rules.template.variant,
        "train_on": rules.train_on,
        "files": [{"file": f.file, "layout": f.layout, "validation": f.validation} for f in checked.files],
        "train": _rows(checked.train),
        "lengths": _lengths(checked.train, rules.limit, rules.model.max_positions, overlong),
        "findings": findings(checked),
    }
    if any(f.validation for f in checked.files):
        made["validation"] = _rows(checked.validation)
    return made


def findings(checked: Checked) -> list[dict[str, Any]]:
    """One entry a guard that found something, in the order of codes."""
    both = Tally()
    both.add(checked.train)
    both.add(checked.validation)
    return [
        {
            "code": guard.code,
            "severity": guard.severity,
            "title": guard.title,
            "count": both.found[guard.code],
            "share": round(both.found[guard.code] / both.read, 6) if both.read else None,
            "instead": guard.instead,
            "examples": [
                {"file": one.file, "line": one.line, "message": one.message, "text": one.text}
                for one in both.examples[guard.code]
            ],
        }
        for guard in row_guards()
        if both.found[guard.code]
    ]


def _rows(tally: Tally) -> dict[str, Any]:
    return {
        "read": tally.read,
        "good": tally.good,
        "with_reasoning": tally.reasoning,
        "assistant_turns": {str(turns): tally.turns[turns] for turns in sorted(tally.turns)},
        "tokens": tally.lengths.tokens,
        "trained_tokens": tally.lengths.trained,
    }


def _lengths(tally: Tally, limit: int | None, positions: int, overlong: str) -> dict[str, Any]:
    lengths = tally.lengths
    proposal = lengths.proposal(positions)
    made: dict[str, Any] = {
        "percentiles": {str(percent): lengths.percentile(percent) for percent in PERCENTILES},
        "longest": lengths.longest,
        "histogram": histogram(lengths),
        "proposal": _at(lengths, proposal) if lengths.count else None,
    }
    if limit:
        lost = tally.found["QR513"]
        made["sequence_length"] = {**_at(lengths, limit), "overlong": overlong, "nothing_trained": lost}
    return made


def _at(lengths: Lengths, limit: int) -> dict[str, Any]:
    """What a sequence length would do to these rows."""
    longer = lengths.longer(limit)
    return {
        "tokens": limit,
        "longer": longer,
        "longer_share": round(longer / lengths.count, 6) if lengths.count else 0.0,
        "packing_efficiency": round(lengths.packed(limit), 4),
    }


def histogram(lengths: Lengths) -> list[dict[str, int]]:
    """Rows by length, in equal steps; the last holds the longest row."""
    step = next((s for s in STEPS if s * BARS > lengths.longest), STEPS[-1])
    bars = [0] * (lengths.longest // step + 1)
    for length, rows in lengths.rows.items():
        bars[length // step] += rows
    return [{"from": at * step, "to": (at + 1) * step, "rows": rows} for at, rows in enumerate(bars)]
