"""Experts are not quantized.

What:
A mixture of experts is loaded in 4 or 8 bits, and its experts are not quantized.

Why it matters:
In transformers 5 the experts of a layer are one fused weight, not linear layers, and bitsandbytes only quantizes
linear layers: about 95% of the weights of such a model stay in 16 bits. Axolotl even casts them to 32 bits: when it
prepares a quantized model, it casts every 16-bit weight except the embeddings.

Evidence:
Tested on an H200: Axolotl 0.21.0 with `qlora`, on a model with layers of Qwen3-30B-A3B's size, held the experts in
float32. The source:
Axolotl calls PEFT's `prepare_model_for_kbit_training` for everything but the embeddings; LLaMA-Factory 0.9.5 and
ms-swift 4.6.0 do not call it. `recipes plan` includes this memory.

Instead:
With Axolotl, `quantization: {bits: 4, experts: true}` quantizes the experts while they are loaded (CUDA only).
Otherwise use `method: lora`, which needs about the same memory and is faster.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.qwen.facts import ModelFacts

_CASTS_TO_FLOAT32 = ("axolotl",)
"""Backends whose preparation of a quantized model makes float32 of what is not quantized."""


def check(context: GuardContext) -> Iterator[Violation]:
    """A mixture in few bits whose experts are not."""
    plan, model = context.plan, context.model
    if model.dense or plan.quantization.bits == 16 or plan.quantization.experts or model.quantization:
        return
    wide = plan.backend in _CASTS_TO_FLOAT32
    message = describe_wide_experts(model, plan.backend)
    instead = "quantization: {bits: 4, experts: true}" if wide else "method: lora, or Axolotl with quantization.experts"
    yield Violation(context.locate_field("method.type", "quantization.bits"), message, instead)


def describe_wide_experts(model: ModelFacts, backend: str) -> str:
    """What is quantized of a mixture, and what its experts become."""
    share = model.expert_parameters / model.parameters
    held = "become 32 bits" if backend in _CASTS_TO_FLOAT32 else "stay in 16 bits"
    return f"only the attention layers are quantized: the experts, {share:.0%} of the weights, {held}"


GUARD = Guard("QR218", "experts-not-quantized", "warning", "high", __doc__, check)
