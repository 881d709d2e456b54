"""Adapter on the experts of a mixture.

What:
In a mixture of experts, `method.targets` names feed-forward layers (gate_proj, up_proj, down_proj), or native keys
ask for every linear layer.

Why it matters:
What these names match depends on the version. In transformers 5 the experts of a layer are one fused weight, and PEFT
puts an adapter 75 times the size on all of them, with `all-linear` on the router too. In other versions nothing
matches, and the experts are left out silently.

Evidence:
Trained parameters of Qwen3-30B-A3B at rank 8, counted with transformers 5.23 and PEFT 0.21.2: 6,684,672 for attention
only, 497,418,240 with the experts, 498,253,824 with the router too. axolotl-ai-cloud/axolotl#3514 and #3515
(13.5 MB instead of 3.7 GB), ml-explore/mlx-lm#571 (6.685 M on this model, with the experts left out),
agentscope-ai/TuFT#154, modelscope/ms-swift#6173.
To reproduce: `research/evidence/trainable_parameters.py`.

Instead:
Write `targets: all-linear`, which here means attention only for a mixture, or leave `targets` out. If you want the
experts and have counted the parameters that your versions train, add QR202 to `allow` with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.qwen.facts import MLP_MODULES

_ALL_LINEAR_VALUES = ("all", "all-linear")


def check(context: GuardContext) -> Iterator[Violation]:
    """Feed-forward layers of a mixture of experts among the targets."""
    plan = context.plan
    if plan.model.dense or not plan.method.adapter:
        return
    if any(name in MLP_MODULES for name in plan.method.targets):
        yield Violation(
            ("method", "targets"),
            f"depending on versions, the adapter is put on all {context.model.experts} experts per layer or on none",
            "targets: all-linear",
            Fix((("method.targets", "all-linear"),), safe=False),
        )
    for name, reached in (
        ("adapter_targets", _reaches_experts(context.get_native_value("adapter_targets"))),
        ("all_linear_targets", context.get_native_value("all_linear_targets") is True),
    ):
        if reached:
            key = context.get_native_key(name)
            message = f"depending on versions, `{key}` puts the adapter on the experts and the router or on neither"
            yield Violation(context.get_native_route(name), message, f"remove `{key}`")


def _reaches_experts(value: object) -> bool:
    names = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return any(str(name).strip() in (*MLP_MODULES, *_ALL_LINEAR_VALUES) for name in names)


GUARD = Guard("QR202", "experts-in-targets", "error", "high", __doc__, check)
