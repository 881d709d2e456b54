"""Gradient checkpointing where the recipe leaves it open and the framework can't have it."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.resolve.decisions import PlanDecisions

FIELD = "training.gradient_checkpointing"


def turn_off_refused_checkpointing(plan: Plan, backend: Backend, decisions: PlanDecisions) -> Plan:
    """The plan without checkpointing, where only our default asks for what the framework refuses; else as it is."""
    if FIELD in plan.set_fields or not _is_refused(plan, backend):
        return plan
    without = replace(plan, training=replace(plan.training, gradient_checkpointing=False))
    if _is_refused(without, backend):
        return plan
    decisions.derive_value(FIELD, None, f"{backend.title} does not support it with these settings", origin="default")
    return without


def _is_refused(plan: Plan, backend: Backend) -> bool:
    return any(limit.field == FIELD for limit in backend.find_unsupported(plan))
