"""Checkpoint that is quantized already.

What:
The model's config.json has a `quantization_config`. Weights in FP8, AWQ, GPTQ, compressed-tensors or MXFP4 cannot be
trained here. An adapter can be trained on bitsandbytes weights, if `quantization.bits` is the number of bits that they
are stored in. For a model that is only known by `like`, the guard goes by the end of its id (`-AWQ`, `-GPTQ-Int4`,
`-FP8`, `-bnb-4bit`).

Why it matters:
Such a checkpoint is made for inference. Training a weight needs it in 16 or 32 bits, and an adapter on a quantized base
needs a backward pass through the kernels of that format.

Evidence:
The source of transformers 5.5.4, 5.19.0 and 5.20.1: the quantizers of FP8 and MXFP4 report that they cannot be
trained, and the Trainer stops ("quantization method do not support training"). AWQ and GPTQ need gptqmodel,
compressed-tensors needs its own package; none of the locked environments has them. bitsandbytes trains adapters.

Instead:
Train the model in its original precision; `method: qlora` needs less memory than any of these. If your own environment
(`run.environment`) has the package for the format, suppress QR217 with that reason (`allow`).
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.qwen.models import find_unquantized_release

_TITLES = {"fp8": "FP8", "awq": "AWQ", "gptq": "GPTQ", "mxfp4": "MXFP4", "nvfp4": "NVFP4", "gguf": "GGUF", "mlx": "MLX"}


def check(context: GuardContext) -> Iterator[Violation]:
    """A quantization that can't be trained, or not so."""
    stored, plan = context.model.quantization, context.plan
    if stored is None:
        return
    title = f"{_TITLES.get(stored.method, stored.method)} ({stored.bits} bits)"
    original = find_unquantized_release(context.model.id)
    instead = f"model: {original or 'the repository in its original precision'}"
    if stored.method != "bitsandbytes":
        message = f"{context.model.id} is stored as {title}, which cannot be trained here"
        yield Violation(context.locate_field(), message, instead)
    elif not plan.method.adapter:
        message = f"`method: {plan.method.type}` trains whole weights, and {context.model.id} is stored as {title}"
        yield Violation(context.locate_field("method.type"), message, f"method: qlora; or {instead}")
    elif plan.quantization.bits != stored.bits:
        message = f"`quantization.bits` is {plan.quantization.bits}, and {context.model.id} is stored as {title}"
        yield Violation(context.locate_field("quantization.bits"), message, f"bits: {stored.bits}; or {instead}")


GUARD = Guard("QR217", "quantized-checkpoint", "error", "high", __doc__, check)
