"""A plan as a table: every value, where it comes from, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qwen_recipes.backends.plan import Plan, Reason
from qwen_recipes.gpus.gpu_model import GpuModel


@dataclass(frozen=True)
class PlanValue:
    """One value of a plan."""

    field: str
    value: Any
    origin: str
    reason: str

    @property
    def display_text(self) -> str:
        """The value as people write it."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, (list, tuple)):
            return ", ".join(str(item) for item in self.value) or "none"
        return "none" if self.value is None else str(self.value)


def list_plan_values(plan: Plan) -> list[PlanValue]:
    """Every value of a plan, in its order. An adapter's numbers are left out where none is trained."""
    rows = [row for name, part in plan.parts.items() for row in _iterate_values(plan, part, name)]
    hidden = (
        ()
        if plan.method.adapter
        else tuple(f"method.{n}" for n in ("variant", "rank", "alpha", "dropout", "targets", "rslora", "scale"))
    )
    bits = plan.quantization.bits
    unused = () if bits == 4 else ("quantization.type", "quantization.double", "quantization.storage")
    return [row for row in rows if row.field not in (*hidden, *unused)]


def _iterate_values(plan: Plan, part: Any, prefix: str) -> Iterator[PlanValue]:
    for field in dataclasses.fields(part):
        value, path = getattr(part, field.name), f"{prefix}.{field.name}"
        if isinstance(value, GpuModel):
            value = value.name
        elif dataclasses.is_dataclass(value):
            yield from _iterate_values(plan, value, path)
            continue
        if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            value = [item.path for item in value]
        reason = plan.reasons.get(path, Reason("default", ""))
        yield PlanValue(path, list(value) if isinstance(value, tuple) else value, reason.origin, reason.text)
        if path == "method.rslora":
            yield PlanValue("method.scale", round(part.scale, 4), "default", part.scale_formula)
