"""Loss on every turn of a model whose history has no reasoning.

What:
`chat.train_on: assistant` is written for a hybrid or Thinking-2507 template, and the rows may hold several turns
(`format: messages` or `sharegpt`).

Why it matters:
These templates take the reasoning out of every assistant turn but the last. Earlier turns are then trained as
answers without a thought, after prompts that the model would have begun to think at, or with reasoning that it will
never see in its history; which of the two depends on the framework.

Evidence:
The official templates on 300 real tool conversations with 957 assistant turns: the prompt of a turn, rendered alone,
is no prefix of the whole rendering in 261 of 300 with hybrid and Thinking-2507, in none with Instruct-2507. Axolotl
0.21.0 trains earlier turns bare, LLaMA-Factory 0.9.5 and ms-swift 4.6.0 keep their reasoning (each run; see
modelscope/ms-swift#4810, #5793 for people who lost it). Rows with one answer each are not concerned: how many turns
a row has stands in the rows, which a linter does not open; `recipes data check` counts them. A Base model has no
reasoning to lose and is left alone.
To see it again: `research/evidence/stripped_history.py`.

Instead:
Write `train_on: last-assistant`, and let `recipes data prepare` split a conversation into one row a turn where every
answer is to be learnt. Where all rows have one answer, leave `train_on` out, or allow QR307 saying so.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

HISTORY_STRIPPING_TEMPLATES = ("hybrid", "thinking-2507")
MULTI_TURN_FORMATS = ("messages", "sharegpt")


def check(context: GuardContext) -> Iterator[Violation]:
    """Every assistant turn was asked for by name, under a template that strips the earlier ones."""
    plan = context.plan
    asked = context.is_set("chat.train_on") and plan.chat.train_on == "assistant"
    if not asked or plan.chat.template not in HISTORY_STRIPPING_TEMPLATES:
        return
    if any(source.format in MULTI_TURN_FORMATS for source in plan.data.train):
        yield Violation(
            ("chat", "train_on"),
            f"the {plan.chat.template} template takes the reasoning out of every turn but the last",
            "train_on: last-assistant",
            Fix((("chat.train_on", "last-assistant"),), safe=False),
        )


GUARD = Guard("QR307", "loss-on-stripped-history", "warning", "medium", __doc__, check)
