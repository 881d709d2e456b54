"""Replicated weights and states under DDP.

What:
`hardware.strategy: ddp` replicates everything on every GPU, and the trained weights, gradients and optimizer states
need more than half of one GPU's memory (for an adapter, more than a tenth).

Why it matters:
Under DDP, eight GPUs hold no larger model than one. Full fine-tuning needs about 16 bytes per parameter before the
first activation: 60 GiB for a 4B model. Sharded over the GPUs, the same run fits, with memory left for longer
examples.

Evidence:
Rajbhandari et al. 2020, ZeRO (arXiv:1910.02054), section 3: 2 + 2 + 12 bytes per parameter with Adam in mixed
precision. Measured on one H100: all weights of a 4B model took 31.7 GiB at 2,048 tokens with states in bfloat16.
On two H100 the same run of a small model peaked at 5.4 GiB per GPU under DDP, 3.4 GiB under FSDP, 3.6 to 3.9 GiB under
ZeRO-2 and ZeRO-3, with the same losses (docs/research/strategies.md).

Instead:
Full fine-tuning: `strategy: fsdp` or `zero3`. Adapters: `strategy: zero2`. Small models are fine under DDP and are
not reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.strategy_fixes import make_strategy_violation
from qwen_recipes.qwen.models import count_lora_parameters
from qwen_recipes.sizes import GIB

BYTES_PER_PARAMETER = {"float32": 16, "bfloat16": 8}
"""Of weight, gradient and Adam's two states, for each trained parameter, by `training.weights_dtype`."""
ASSUMED_GPU_GIB = 24


def check(context: GuardContext) -> Iterator[Violation]:
    """DDP, where what is trained does not leave much of a GPU."""
    plan = context.plan
    if plan.hardware.strategy != "ddp":
        return
    memory = context.gpu.memory if context.gpu else ASSUMED_GPU_GIB
    needed = count_trained_parameters(context) * BYTES_PER_PARAMETER[plan.training.weights_dtype] / GIB
    if needed > memory * (0.1 if plan.method.adapter else 0.5):
        yield make_strategy_violation(
            context,
            ("hardware", "strategy"),
            f"each of {plan.hardware.world} GPUs holds the same {needed:.0f} GiB of weights, gradients and optimizer "
            "states",
            *(("zero2", "fsdp") if plan.method.adapter else ("fsdp", "zero3")),
            otherwise="strategy: auto",
        )


def count_trained_parameters(context: GuardContext) -> int:
    """Trained parameters: those of the adapter, the last layers, or the model."""
    method, model = context.plan.method, context.model
    if method.adapter:
        return count_lora_parameters(model, method.rank, method.targets, dora=method.variant == "dora")
    return model.parameters if method.type == "full" else len(method.layer_numbers) * model.layer_parameters


GUARD = Guard("QR107", "nothing-is-sharded", "advice", "high", __doc__, check)
