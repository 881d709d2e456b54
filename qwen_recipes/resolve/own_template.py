"""What a chat's template and encoding are where the recipe leaves them open and the framework has a say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.resolve.notes import Notes

FILE = "chat_template.jinja"


def settle_template(plan: Plan, facts: ModelFacts, backend: Backend, notes: Notes) -> Plan:
    """The model folder's own template, if Qwen did not release it and the framework can take it; else what is planned.
    Handed over as tokens, if that is left open, the framework's own would differ, and it can take them.
    """
    if not plan.objective.chat:
        return plan
    own = _with_own_template(plan, facts)
    if own and not backend.beyond(_handed_over(own, backend)):
        found = _handed_over(own, backend)
        why = "the model folder's own, which Qwen did not release (QR318)"
        notes.derive("chat.template", None, why, "model.id", origin="model")
    else:
        found = _handed_over(plan, backend)
    if found.chat.encoding != plan.chat.encoding:
        fields = ("chat.template",) if "chat.template" in plan.asked else ("model.id",)
        why = f"{backend.title} would make other tokens of these rows (QR317)"
        notes.derive("chat.encoding", None, why, *fields, origin="model")
    return found


def _with_own_template(plan: Plan, facts: ModelFacts) -> Plan | None:
    own = facts.local and facts.variant == "unknown" and (Path(facts.source) / FILE).is_file()
    if not own or "chat.template" in plan.asked:
        return None
    chat = replace(plan.chat, template=f"{plan.model.id.rstrip('/')}/{FILE}", official=False)
    return replace(plan, chat=chat)


def _handed_over(plan: Plan, backend: Backend) -> Plan:
    exact = replace(plan, chat=replace(plan.chat, encoding="exact"))
    open_to = "chat.encoding" not in plan.asked and backend.own_tokens(plan) and not backend.beyond(exact)
    return exact if open_to else plan
