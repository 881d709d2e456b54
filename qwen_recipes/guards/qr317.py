"""A framework whose tokens are not ours.

What:
A Base model is trained on chat with LLaMA-Factory, which makes its own tokens of the rows: `chat.encoding: native`, or
packed or streamed rows, which it can't be handed as tokens.

Why it matters:
Every other combination of a Qwen3 model and a framework gets the official template's text with loss where
`chat.train_on` says. Here the rows go through LLaMA-Factory's own `qwen3` template, since that alone makes
`<|im_end|>` the end of a Base model's sequences: the newline after a turn is trained too, an earlier turn keeps its
reasoning or gets an empty think block, and rows whose turns do not alternate are left out.

Evidence:
`scripts/parity`, run with LLaMA-Factory 0.9.5: docs/parity.md has the counts by case. `recipes verify` shows the
first token that differs in your rows.

Instead:
Write `encoding: exact` under `chat`, or leave it out, without packing and streaming: ids and labels are then made by
`recipes` and handed over, at three to four times the text's disk space. Or take another framework.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit


def check(facts: Facts) -> Iterator[Hit]:
    """LLaMA-Factory's own template for conversations of a Base model."""
    plan = facts.plan
    if facts.backend.own_tokens(plan) and not plan.chat.exact:
        beside = [("training.packing", plan.training.packing), ("data.streaming", plan.data.streaming)]
        off = [path for path, on in beside if on]
        yield Hit(
            facts.written("chat.encoding", "model.id"),
            "LLaMA-Factory makes other tokens and labels of a Base model's rows than the official template",
            "encoding: exact under `chat`" + "".join(f", {path}: false" for path in off),
            Fix((("chat.encoding", "exact"), *((path, False) for path in off)), safe=False),
        )


GUARD = Guard("QR317", "other-tokens", "advice", "high", __doc__, check, ("llamafactory",))
