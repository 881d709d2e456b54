"""A framework whose tokens are not ours.

What:
A Base model is trained on chat with LLaMA-Factory, or chat by a template that is not Qwen's with Axolotl, and the
framework makes its own tokens of the rows: `chat.encoding: native`, or rows that it can't be handed as tokens
(LLaMA-Factory: packed or streamed ones).

Why it matters:
Every other combination of a Qwen3 model and a framework gets the official template's text with loss where
`chat.train_on` says. A Base model's rows go through LLaMA-Factory's own `qwen3` template, since that alone makes
`<|im_end|>` the end of a Base model's sequences: the newline after a turn is trained too, an earlier turn keeps its
reasoning or gets an empty think block, and rows whose turns do not alternate are left out. By a template that is not
Qwen's, Axolotl renders the rows itself and finds the answers in them by a rule of its own.

Evidence:
`research/parity`, run with LLaMA-Factory 0.9.5: docs/parity.md has the counts by case. Axolotl 0.21.0 with a
template of one's own, run: ids differ from the first row on; as tokens, 40 rows of 40 are the same in all three
(`tests/conformance/test_tokens.py`). `recipes verify` shows the first token that differs in your rows.

Instead:
Write `encoding: exact` under `chat`, or leave it out, without packing and streaming: ids and labels are then made by
`recipes` and handed over, at three to four times the text's disk space. Or take another framework.
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
            f"{context.backend.title} makes other tokens and labels of {_describe_rows(plan)}",
            "encoding: exact under `chat`" + "".join(f", {path}: false" for path in off),
            Fix((("chat.encoding", "exact"), *((path, False) for path in off)), safe=False),
        )


def _describe_rows(plan: Plan) -> str:
    return "a Base model's rows than the official template" if plan.chat.official else "rows than this template"


GUARD = Guard("QR317", "other-tokens", "advice", "high", __doc__, check)
