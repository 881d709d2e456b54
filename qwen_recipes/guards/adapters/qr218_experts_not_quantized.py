"""Experts that a quantized load leaves whole.

What:
A mixture of experts is loaded in 4 or 8 bits, and its experts are not quantized.

Why it matters:
In transformers 5 the experts of a layer are one fused weight and no linear layers, and bitsandbytes quantizes linear
layers only: nineteen of twenty weights of such a model stay in 16 bits. Axolotl makes 32 bits of them: its preparation
of a quantized model casts every 16-bit weight but the embeddings.

Evidence:
Run on an H200: Axolotl 0.21.0 with `qlora` on Qwen3-30B-A3B's layers held the experts in float32. Read: PEFT's
`prepare_model_for_kbit_training`, which Axolotl calls with the embeddings taken out; LLaMA-Factory 0.9.5 and ms-swift
4.6.0 do not call it. `recipes plan` counts it.

Instead:
With Axolotl, `quantization: {bits: 4, experts: true}` quantizes the experts while they are loaded (CUDA only). Else
use `method: lora`, which takes about the same memory and is faster.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

_CASTS_TO_FLOAT32 = ("axolotl",)
"""Backends whose preparation of a quantized model makes float32 of what is not quantized."""


def check(context: GuardContext) -> Iterator[Violation]:
    """A mixture in few bits whose experts are not."""
    plan, model = context.plan, context.model
    if model.dense or plan.quantization.bits == 16 or plan.quantization.experts or model.quantization:
        return
    wide = plan.backend in _CASTS_TO_FLOAT32
    share = model.expert_parameters / model.parameters
    message = (
        f"only the attention layers are quantized: the experts, {share:.0%} of the weights, "
        f"{'become' if wide else 'stay in'} {32 if wide else 16} bits"
    )
    instead = "quantization: {bits: 4, experts: true}" if wide else "method: lora, or Axolotl with quantization.experts"
    yield Violation(context.locate_field("method.type", "quantization.bits"), message, instead)


GUARD = Guard("QR218", "experts-not-quantized", "warning", "high", __doc__, check)
