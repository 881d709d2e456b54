"""The plan as templates see it: every read is recorded."""

from __future__ import annotations

import dataclasses
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.traced_values import trace_value

DERIVED_FROM = {
    "method.adapter": ("method.type",),
    "objective.next_token": ("objective.type",),
    "objective.pairs": ("objective.type",),
    "objective.compares": ("objective.type", "objective.kl_weight"),
    "objective.chat": ("objective.type",),
    "model.model_type": ("model.id",),
    "hardware.world": ("hardware.gpus", "hardware.nodes"),
    "hardware.deepspeed": ("hardware.strategy",),
    "hardware.fsdp": ("hardware.strategy",),
    "hardware.megatron": ("hardware.strategy",),
    "hardware.replicas": ("hardware.gpus", "hardware.nodes"),
    "data.validates": (
        "data.validation",
        "data.validation[].path",
        "data.validation[].format",
    ),
}
"""Properties of the plan's parts, and the recipe's fields that they follow from."""


class FieldReads:
    """Which fields of the plan were read."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.read: set[str] = set()

    def mark_read(self, path: str) -> None:
        """Remember that the plan's field at `path` was read."""
        self.read.add(path)

    def list_recipe_fields(self) -> set[str]:
        """The recipe's fields that the read values come from."""
        fields: set[str] = set()
        for path in self.read:
            fields.update(find_source_fields(self._plan, path))
        return fields


def find_source_fields(plan: Plan, path: str) -> tuple[str, ...]:
    """The recipe's fields that a value of the plan was computed from."""
    reason = plan.reasons.get(path)
    return (*(reason.fields if reason else ()), *DERIVED_FROM.get(path, ()))


class TracedPlan:
    """One part of the plan. Attributes are parts, or leaves that know their path."""

    def __init__(self, part: object, path: str, record: FieldReads) -> None:
        self._part, self._path, self._record = part, path, record

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._part, name)
        path = f"{self._path}.{name}" if self._path else name
        if dataclasses.is_dataclass(value):
            return TracedPlan(value, path, self._record)
        self._record.mark_read(path)
        if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            return [TracedPlan(item, path, self._record) for item in value]
        return trace_value(value, path)
