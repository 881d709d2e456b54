"""What a conversation of several turns becomes: one example, or one for each user query."""

from __future__ import annotations

from qwen_recipes.recipe.spec.chat import Chat
from qwen_recipes.resolve.decisions import PlanDecisions

WHOLE_HISTORY_TEMPLATES = ("base", "instruct-2507")
"""Templates whose models do not reason: a conversation stays one example."""


def resolve_turns(chat: Chat, template: str, objective: str, train_on: str, decisions: PlanDecisions) -> str:
    """The recipe's `chat.turns`, or what a model of this template is trained on best."""
    default, reason, fields = _choose_default(template, objective, train_on)
    if chat.turns is not None or not fields:
        return decisions.choose_value("chat.turns", chat.turns, default, reason, origin="model")
    return decisions.derive_value("chat.turns", default, reason, *fields)


def choose_default_turns(template: str, objective: str, train_on: str) -> str:
    """The value where the recipe has none; `template` is the chat template's name."""
    return _choose_default(template, objective, train_on)[0]


def _choose_default(template: str, objective: str, train_on: str) -> tuple[str, str, tuple[str, ...]]:
    """The value, why, and the fields that it follows from where they have to be read for it."""
    if objective != "sft":
        return "together", "applies to SFT only", ()
    if train_on == "last-assistant":
        return "last", "`train_on: last-assistant` trains the last answer only", ("chat.train_on",)
    if train_on == "all":
        return "together", "`train_on: all` trains the conversation as one text", ("chat.train_on",)
    if template in WHOLE_HISTORY_TEMPLATES:
        return "together", f"the {template} template keeps the whole history", ()
    why = "one example per user query where the template removes earlier reasoning"
    return "split", why, ()
