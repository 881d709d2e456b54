"""What was found, as plain data: what the text, the JSON and the page all say."""

from __future__ import annotations

from typing import Any

from qwen_recipes.data.length_histogram import PERCENTILES, LengthHistogram
from qwen_recipes.guards.rows import load_row_guards
from qwen_recipes.guards.rows.parallel_check import DataCheckResult
from qwen_recipes.guards.rows.row_statistics import RowStatistics

MAX_BARS = 40
"""At most so many bars in a histogram."""
BAR_WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


def summarize_check(result: DataCheckResult, overlong: str = "") -> dict[str, object]:
    """Everything that is told of the rows; lengths in tokens, shares between 0 and 1."""
    rules = result.rules
    made: dict[str, Any] = {
        "model": rules.model.id,
        "template": rules.template.variant,
        "train_on": rules.train_on,
        "turns": rules.turns,
        "files": [{"file": f.file, "layout": f.layout, "validation": f.validation} for f in result.files],
        "train": _summarize_rows(result.train),
        "lengths": _summarize_lengths(result.train, rules.limit, rules.model.max_positions, overlong),
        "findings": summarize_findings(result),
    }
    if any(f.validation for f in result.files):
        made["validation"] = _summarize_rows(result.validation)
    return made


def summarize_findings(result: DataCheckResult) -> list[dict[str, object]]:
    """One entry a guard that found something, in the order of codes."""
    both = RowStatistics()
    both.add(result.train)
    both.add(result.validation)
    return [
        {
            "code": guard.code,
            "severity": guard.severity,
            "title": guard.title,
            "count": both.violation_counts[guard.code],
            "share": round(both.violation_counts[guard.code] / both.read, 6) if both.read else None,
            "suggestion": guard.suggestion,
            "examples": [
                {"file": one.file, "line": one.line, "message": one.message, "text": one.text}
                for one in both.examples[guard.code]
            ],
        }
        for guard in load_row_guards()
        if both.violation_counts[guard.code]
    ]


def _summarize_rows(tally: RowStatistics) -> dict[str, object]:
    return {
        "read": tally.read,
        "good": tally.good,
        "examples": tally.examples_made,
        "split": tally.split,
        "turns_without_loss": tally.flagged,
        "keys_not_read": dict(tally.unread.most_common()),
        "columns_for_rewards": dict(tally.beside_prompts.most_common()),
        "with_reasoning": tally.reasoning,
        "answers_in_loss": tally.answer_turns,
        "answers_with_reasoning": tally.reasoned_turns,
        "assistant_turns": {str(turns): tally.turns[turns] for turns in sorted(tally.turns)},
        "tokens": tally.lengths.tokens,
        "trained_tokens": tally.lengths.loss_tokens,
    }


def _summarize_lengths(tally: RowStatistics, limit: int | None, positions: int, overlong: str) -> dict[str, object]:
    lengths = tally.lengths
    proposal = lengths.suggest_sequence_length(positions)
    made: dict[str, Any] = {
        "percentiles": {str(percent): lengths.percentile(percent) for percent in PERCENTILES},
        "longest": lengths.longest_row,
        "histogram": build_histogram(lengths),
        "proposal": _summarize_length_limit(lengths, proposal) if lengths.count else None,
    }
    if limit:
        lost = tally.violation_counts["QR513"]
        made["sequence_length"] = {
            **_summarize_length_limit(lengths, limit),
            "overlong": overlong,
            "nothing_trained": lost,
        }
    return made


def _summarize_length_limit(lengths: LengthHistogram, limit: int) -> dict[str, object]:
    """What a sequence length would do to these rows."""
    longer = lengths.count_longer(limit)
    return {
        "tokens": limit,
        "longer": longer,
        "longer_share": round(longer / lengths.count, 6) if lengths.count else 0.0,
        "packing_efficiency": round(lengths.compute_packing_efficiency(limit), 4),
    }


def build_histogram(lengths: LengthHistogram) -> list[dict[str, int]]:
    """Rows by length, in equal steps; the last holds the longest row."""
    step = next((s for s in BAR_WIDTHS if s * MAX_BARS > lengths.longest_row), BAR_WIDTHS[-1])
    bars = [0] * (lengths.longest_row // step + 1)
    for length, rows in lengths.rows.items():
        bars[length // step] += rows
    return [{"from": at * step, "to": (at + 1) * step, "rows": rows} for at, rows in enumerate(bars)]
