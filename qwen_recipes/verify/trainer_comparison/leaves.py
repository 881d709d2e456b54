"""Every leaf of a plan, and where at the trainer it is seen or why it can't be on a CPU."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.verify.trainer_comparison.chat import CHAT
from qwen_recipes.verify.trainer_comparison.check import Leaf
from qwen_recipes.verify.trainer_comparison.data import DATA
from qwen_recipes.verify.trainer_comparison.method import METHOD
from qwen_recipes.verify.trainer_comparison.model import MODEL
from qwen_recipes.verify.trainer_comparison.objective import OBJECTIVE
from qwen_recipes.verify.trainer_comparison.place import HARDWARE, OUTPUT, PLAN
from qwen_recipes.verify.trainer_comparison.quantization import QUANTIZATION
from qwen_recipes.verify.trainer_comparison.training import TRAINING

LEAVES: dict[str, Leaf] = {
    **PLAN,
    **MODEL,
    **DATA,
    **CHAT,
    **OBJECTIVE,
    **METHOD,
    **QUANTIZATION,
    **TRAINING,
    **HARDWARE,
    **OUTPUT,
}
"""By the leaf's path in the plan; `[]` stands for each of several."""


def list_plan_leaves(cls: type[Any] = Plan, prefix: str = "") -> Iterator[str]:
    """Paths of all fields of the plan's dataclasses that are no dataclass themselves: `training.warmup.steps`."""
    kinds = typing.get_type_hints(cls)
    for one in dataclasses.fields(cls):
        kind, path = kinds[one.name], prefix + one.name
        inner = [part for part in typing.get_args(kind) if dataclasses.is_dataclass(part)]
        if dataclasses.is_dataclass(kind):
            yield from list_plan_leaves(typing.cast("type[Any]", kind), f"{path}.")
        elif inner and typing.get_origin(kind) is tuple:
            yield from list_plan_leaves(typing.cast("type[Any]", inner[0]), f"{path}[].")
        else:
            yield path
