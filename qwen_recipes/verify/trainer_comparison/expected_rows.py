"""The rows of a plan as our own encoder makes them, to hold batches against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_recipes.backends.plan import ChatPlan, ModelPlan, Plan, SourcePlan
from qwen_recipes.data.encoder import EncodedRow, Encoder, build_encoder
from qwen_recipes.data.rows.sources import repeat_by_weight
from qwen_recipes.verify.row_sample import sample_rows

_ENCODERS: dict[tuple[Path, ModelPlan, ChatPlan, bool], Encoder] = {}


@dataclass(frozen=True)
class ExpectedRows:
    """Encoded rows of all sources; `examples` counts them as often as their source's weight says.

    `overlong` counts rows that are left out for their length, `longest` is in tokens.
    """

    encoded: Sequence[EncodedRow]
    examples: int
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
    encoder = _get_encoder(plan, folder)
    encoded: list[EncodedRow] = []
    examples = overlong = 0
    for source in plan.data.validation if validation else plan.data.train:
        if source.path and not (folder / source.path).exists() and not any(folder.glob(source.path)):
            raise FileNotFoundError(f"{folder / source.path}: no such file")
        found = sample_rows(_with_source(plan, source), folder, encoder, None)
        encoded += [row.encoded for row in found.rows]
        examples += len(repeat_by_weight([{} for _ in found.rows], source.weight, plan.training.data_seed))
        overlong += found.overlong
    truncated = sum(len(row.ids) == plan.training.sequence_length for row in encoded)
    return ExpectedRows(encoded, examples, overlong, truncated)


def _get_encoder(plan: Plan, folder: Path) -> Encoder:
    """The plan's encoder, built once for plans of the same model, template and loss rule."""
    key = (folder, plan.model, plan.chat, plan.objective.chat)
    if key not in _ENCODERS:
        _ENCODERS[key] = build_encoder(plan, folder)
    return _ENCODERS[key]


def _with_source(plan: Plan, source: SourcePlan) -> Plan:
    return replace(plan, data=replace(plan.data, train=(source,)))
