"""The framework tokenizes differently.

What:
A Base model is trained on chat with LLaMA-Factory, or chat with a custom template with Axolotl, and the framework
tokenizes the examples itself: `chat.encoding: native`, or examples that cannot be passed as token ids (packed or
streamed ones in LLaMA-Factory).

Why it matters:
Every other combination of a Qwen3 model and a framework trains on the official template's text, with loss where
`chat.train_on` says. For a Base model LLaMA-Factory uses its own `qwen3` template, the only one that makes
`<|im_end|>` the end of sequence: the newline after a turn is in the loss, an earlier turn keeps its reasoning or gets
an empty think block, and examples whose turns do not alternate are dropped. With a custom template, Axolotl renders
the examples itself and finds the answers by its own rule.

Evidence:
Tested with LLaMA-Factory 0.9.5 (`research/parity`): docs/research/token-parity.md has the counts by case. Tested with
Axolotl 0.21.0 and a custom template: the ids differ from the first row on. With `encoding: exact`, 40 of 40 rows are
the same in Axolotl, LLaMA-Factory and ms-swift (`tests/conformance/test_tokens.py`). `recipes verify` shows the first
token that differs in your rows.

Instead:
Write `encoding: exact` under `chat`, or leave it out, without packing and streaming: `recipes` then writes token ids
and labels, which need three to four times the disk space of the text. Alternatively, use another framework.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.plan import Plan
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Conversations that the framework makes tokens of in its own way."""
    plan = context.plan
    if plan.objective.chat and context.backend.tokenizes_differently(plan) and not plan.chat.exact:
        beside = [("training.packing", plan.training.packing), ("data.streaming", plan.data.streaming)]
        off = [path for path, on in beside if on]
        yield Violation(
            context.locate_field("chat.encoding", "model.id"),
            f"{context.backend.title} tokenizes {_describe_rows(plan)}",
            "encoding: exact under `chat`" + "".join(f", {path}: false" for path in off),
            Fix((("chat.encoding", "exact"), *((path, False) for path in off)), safe=False),
        )


def _describe_rows(plan: Plan) -> str:
    return (
        "data for a Base model differently from the official template"
        if plan.chat.official
        else "data with this template differently"
    )


GUARD = Guard("QR317", "other-tokens", "advice", "high", __doc__, check)
