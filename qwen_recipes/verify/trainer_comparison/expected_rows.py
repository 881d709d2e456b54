"""The rows of a plan as our own encoder makes them, to hold batches against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_recipes.backends.plan import ChatPlan, ModelPlan, Plan, SourcePlan
from qwen_recipes.data.encoder import EncodedRow, Encoder, build_encoder
from qwen_recipes.data.rows.hold_out import ExampleGroup, WeightedGroups, flatten_groups, hold_out_share, thin_out
from qwen_recipes.verify.row_sample import RowSample, count_longest_example, sample_rows

_ENCODERS: dict[tuple[Path, ModelPlan, ChatPlan, bool], Encoder] = {}


@dataclass(frozen=True)
class ExpectedRows:
    """Encoded rows of all sources; `examples` counts those to train on as often as their source's weight says.

    `held_out` counts those of the share that is validated on, `overlong` rows that are left out for their length;
    `longest` is in tokens.
    """

    encoded: Sequence[EncodedRow]
    examples: int
    held_out: int
    overlong: int
    truncated: int

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max((len(row.ids) for row in self.encoded), default=0)


def expect_rows(plan: Plan, folder: Path, validation: bool = False) -> ExpectedRows:
    """The rows that SFT and pretraining train on, or validate on; `folder` is the recipe's.

    Raises OSError, ValueError or LookupError where a source, template or tokenizer can't be read.
    """
    encoder = get_encoder(plan, folder)
    encoded: list[EncodedRow] = []
    sources: list[WeightedGroups] = []
    overlong = 0
    for source in plan.data.validation if validation else plan.data.train:
        if source.path and not (folder / source.path).exists() and not any(folder.glob(source.path)):
            raise FileNotFoundError(f"{folder / source.path}: no such file")
        found = sample_rows(_with_source(plan, source), folder, encoder, None)
        encoded += [row.encoded for row in found.rows]
        sources.append(WeightedGroups(_group_examples(found), source.weight))
        overlong += found.overlong
    longest = count_longest_example(plan)
    truncated = sum(len(row.ids) == longest for row in encoded)
    examples, held_out = _count_examples(plan, sources, None if validation else plan.data.validation_share)
    return ExpectedRows(encoded, examples, held_out, overlong, truncated)


def _group_examples(sample: RowSample) -> list[ExampleGroup]:
    """The examples of each row, by what they are encoded to."""
    groups: dict[tuple[str, int], ExampleGroup] = defaultdict(list)
    for row in sample.rows:
        groups[row.file, row.line].append({"ids": row.encoded.ids, "labels": row.encoded.labels})
    return list(groups.values())


def _count_examples(plan: Plan, sources: list[WeightedGroups], share: float | None) -> tuple[int, int]:
    """Examples to train on, and those that are held out before weights repeat the others."""
    seed = plan.training.data_seed
    held: list[ExampleGroup] = []
    if share is not None:
        sources, held = hold_out_share([thin_out(source, seed) for source in sources], share, seed)
    return len(flatten_groups(sources, seed)), sum(map(len, held))


def get_encoder(plan: Plan, folder: Path) -> Encoder:
    """The plan's encoder, built once for plans of the same model, template and loss rule."""
    key = (folder, plan.model, plan.chat, plan.objective.chat)
    if key not in _ENCODERS:
        _ENCODERS[key] = build_encoder(plan, folder)
    return _ENCODERS[key]


def _with_source(plan: Plan, source: SourcePlan) -> Plan:
    return replace(plan, data=replace(plan.data, train=(source,)))
