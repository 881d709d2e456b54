"""What a chat's template and encoding are where the recipe leaves them open and the framework has a say."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import OWN_TEMPLATE, Plan
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.resolve.decisions import PlanDecisions


def resolve_template_and_encoding(plan: Plan, facts: ModelFacts, backend: Backend, decisions: PlanDecisions) -> Plan:
    """The model's own template, if it is not an official one and the framework can take it; else what is planned.
    Handed over as tokens, if that is left open, the framework's own would differ, and it can take them.
    """
    own = _use_model_template(plan, facts) if plan.objective.chat else None
    if own and not backend.find_unsupported(_use_exact_encoding(own, backend)):
        found = _use_exact_encoding(own, backend)
        why = "the model's own, which is a custom template (QR318)"
        decisions.derive_value("chat.template", None, why, "model.id", origin="model")
    else:
        found = _use_exact_encoding(plan, backend)
    if found.chat.encoding != plan.chat.encoding:
        fields = ("chat.template",) if "chat.template" in plan.set_fields else ("model.id",)
        code = " (QR317)" if plan.objective.chat else ""
        why = f"{backend.title} tokenizes this data differently{code}"
        decisions.derive_value("chat.encoding", None, why, *fields, origin="model")
    return found


def _use_model_template(plan: Plan, facts: ModelFacts) -> Plan | None:
    if facts.own_template is None or "chat.template" in plan.set_fields:
        return None
    return replace(plan, chat=replace(plan.chat, template=OWN_TEMPLATE, official=False))


def _use_exact_encoding(plan: Plan, backend: Backend) -> Plan:
    exact = replace(plan, chat=replace(plan.chat, encoding="exact"))
    open_to = (
        "chat.encoding" not in plan.set_fields
        and backend.tokenizes_differently(plan)
        and not backend.find_unsupported(exact)
    )
    return exact if open_to else plan
