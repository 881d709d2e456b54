"""Adapter on some of the linear layers only.

What:
`method.targets` of a dense model omits some of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj.

Why it matters:
A layer without an adapter keeps its weights, and a higher rank in the others does not make up for it. The
feed-forward layers (gate_proj, up_proj, down_proj) hold most of a dense model's weights, the attention layers (q_proj,
k_proj, v_proj, o_proj) the rest.

Evidence:
On Qwen3-4B at rank 8, q and v only are 2,949,120 trained parameters (0.073%), all seven layers 16,515,072
(0.411%); counted with PEFT 0.21.2. That all layers are needed to match full fine-tuning: the QLoRA paper
(Dettmers et al. 2023, arXiv:2305.14314, section 4).
To reproduce: `research/evidence/trainable_parameters.py`.

Instead:
Write `targets: all-linear`, or leave `targets` out. If you want fewer layers, add QR201 to `allow` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.qwen.facts import ATTENTION_MODULES, MLP_MODULES

LINEAR_LAYERS = ATTENTION_MODULES + MLP_MODULES


def check(context: GuardContext) -> Iterator[Violation]:
    """Named targets of a dense model that are not all seven."""
    plan = context.plan
    if not (plan.method.adapter and plan.model.dense and context.is_set("method.targets")):
        return
    missing = [name for name in LINEAR_LAYERS if name not in plan.method.targets]
    if missing:
        yield Violation(
            ("method", "targets"),
            f"the adapter omits {', '.join(missing)}",
            "targets: all-linear",
            Fix((("method.targets", "all-linear"),), safe=False),
        )


GUARD = Guard("QR201", "not-all-linear", "error", "high", __doc__, check)
