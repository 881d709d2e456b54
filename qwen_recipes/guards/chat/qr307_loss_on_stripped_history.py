"""Loss on turns whose reasoning was removed.

What:
`chat.turns: together`, or `chat.train_on: all`, is set for a hybrid or Thinking-2507 template, so that there is loss on
every turn, and the examples may hold several turns (`format: messages` or `sharegpt`).

Why it matters:
These templates remove the reasoning from every assistant turn before the last user query. Earlier turns are then
trained as answers without reasoning, although the model reasons in their place at inference.

Evidence:
The official templates on 300 real tool conversations with 957 assistant turns: the prompt of a turn, rendered by
itself, is not a prefix of the whole rendering in 261 of 300 with hybrid and Thinking-2507, and in none with
Instruct-2507 (modelscope/ms-swift#4810 and #5793 report the loss of reasoning). Whether a row has several turns with
reasoning depends on the data, which `lint` does not read. A Base model has no reasoning to lose and is not checked.
To reproduce: `research/evidence/stripped_history.py`.

Instead:
Leave `turns` out, or write `turns: split`: a conversation with reasoning in several turns becomes one example for each
user query, rendered as the model is served, with loss only on that query's answer. `turns: last` trains only the
answer to the last query. Conversations with one answer are not affected.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

HISTORY_STRIPPING_TEMPLATES = ("hybrid", "thinking-2507")
MULTI_TURN_FORMATS = ("messages", "sharegpt", "conversation")


def check(context: GuardContext) -> Iterator[Violation]:
    """Conversations are kept whole by the recipe's own word, under a template that strips earlier reasoning."""
    chat = context.plan.chat
    if chat.turns != "together" or not (context.is_set("chat.turns") or chat.train_on == "all"):
        return
    if context.plan.objective.type != "sft" or chat.template not in HISTORY_STRIPPING_TEMPLATES:
        return
    if any(source.format in MULTI_TURN_FORMATS for source in context.plan.data.train):
        yield _describe_loss(chat.template, chat.train_on)


def _describe_loss(template: str, train_on: str) -> Violation:
    field, value = ("turns", "split") if train_on == "assistant" else ("train_on", "assistant")
    return Violation(
        ("chat", field),
        f"the {template} template removes the reasoning from every turn before the last query",
        f"{field}: {value}",
        Fix(((f"chat.{field}", value),), safe=False),
    )


GUARD = Guard("QR307", "loss-on-stripped-history", "warning", "medium", __doc__, check)
