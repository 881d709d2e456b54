"""Packs: how long they are, and how many of them hold a batch of examples."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.recipe.example_lengths import ExampleLengths
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

MIN_COPIES = 32
"""Examples that stand for each known length, so that a last pack that is not full does not count."""


@dataclass(frozen=True)
class PackFill:
    """What a pack holds in the mean."""

    examples: float
    tokens: float


def resolve_pack_length(t: Training, length: int, decisions: PlanDecisions, chosen: int | None = None) -> int:
    """Tokens of a pack. `chosen`: where the recipe leaves it open."""
    if t.pack_length is not None and t.pack_length < length and t.sequence_length is not None:
        decisions.report_problem(
            ("training", "pack_length"),
            f"a pack of {t.pack_length:,} tokens cannot hold an example of sequence_length: {length:,}",
            f"pack_length: {length}, or a shorter sequence_length",
        )
    default = length if chosen is None else chosen
    return decisions.choose_value("training.pack_length", t.pack_length, default, "as long as the longest example")


def fill_packs(lengths: ExampleLengths, limit: int, pack_length: int, *, truncate: bool) -> PackFill:
    """Examples and tokens of a pack, by best fit of the lengths that are known.

    `limit`: the longest example that is kept, in tokens.
    """
    from qwen_recipes.data.length_histogram import LengthHistogram

    kept = lengths.list_kept(min(limit, pack_length), truncate=truncate)
    if not kept:
        return PackFill(0.0, 0.0)
    mean = sum(kept) / len(kept)
    histogram = LengthHistogram()
    for length in kept:
        histogram.rows[max(1, round(length))] += max(MIN_COPIES, lengths.measured // len(lengths.means))
    share = histogram.compute_packing_efficiency(pack_length)
    tokens = share * pack_length
    return PackFill(tokens / mean, tokens)


def count_packs(examples: int, fill: PackFill | None, hardware: HardwarePlan) -> int:
    """Packs of a step that hold so many examples, as near as whole packs on each GPU allow; at least one each."""
    if fill is None or not fill.examples:
        return examples
    return max(1, round(examples / fill.examples / hardware.replicas)) * hardware.replicas
