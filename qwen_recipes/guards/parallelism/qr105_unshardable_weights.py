"""Weights that ZeRO-3 and FSDP cannot shard.

What:
The weights are sharded (`zero3`, `fsdp`, `fsdp1`), and the base was quantized before training (GPTQ, AWQ and others)
or is quantized by HQQ or EETQ. Or, under ZeRO-3, the adapter is initialized by PiSSA, or Unsloth is enabled.

Why it matters:
Sharding cuts each weight into flat pieces. Packed integer formats cannot be cut like that, PiSSA needs the whole
weight to compute its principal components, and Unsloth's kernels read whole weights.

Evidence:
LLaMA-Factory 0.9.5 raises an error for each of them (`model_utils/quantization.py`, `hparams/parser.py`);
hiyouga/LlamaFactory#6898, deepspeedai/DeepSpeed#7096 (prequantized), huggingface/peft#1826 (PiSSA under ZeRO-3).
ms-swift loads GPTQ and AWQ under ZeRO-3, and every GPU then holds the whole model (modelscope/ms-swift#767).

Instead:
Write `strategy: zero2`, which does not shard weights. Or start from the unquantized model with `method: qlora`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.strategy_fixes import make_strategy_violation

_PREQUANTIZED_METHODS = ("gptq", "awq", "hqq", "eetq", "aqlm", "bitsandbytes", "compressed-tensors")


def check(context: GuardContext) -> Iterator[Violation]:
    """Whatever needs whole weights, where weights are sharded."""
    plan = context.plan
    zero3 = plan.hardware.strategy == "zero3"
    if zero3 or plan.hardware.fsdp:
        for what in [*_list_packed_weights(context), *(_list_whole_weight_users(context) if zero3 else ())]:
            yield make_strategy_violation(
                context,
                context.locate_field("hardware.strategy", "hardware.gpus", "method.type"),
                f"{plan.hardware.strategy} cannot shard {what}",
                "zero2",
                otherwise="the unquantized model with `method: qlora`; without sharding the weights do not fit",
            )


def _list_packed_weights(context: GuardContext) -> Iterator[str]:
    if (quantized := _read_quantization_method(context)) in _PREQUANTIZED_METHODS:
        yield f"a base quantized by {quantized}"
    method = str(context.get_native_value("quantization_method")).lower()
    if method in ("hqq", "eetq"):
        yield f"a base quantized by {method}"


def _list_whole_weight_users(context: GuardContext) -> Iterator[str]:
    switched, init = context.get_native_value("pissa_switch"), context.get_native_value("adapter_init")
    if context.plan.method.variant == "pissa" or switched is True or str(init).startswith("pissa"):
        yield "PiSSA"
    if context.get_native_value("unsloth"):
        yield "Unsloth"


def _read_quantization_method(context: GuardContext) -> str:
    """How the weights in a model's folder are quantized, as its config.json says."""
    return context.model.quantization.method if context.model.quantization else ""


GUARD = Guard("QR105", "cannot-be-sharded", "error", "high", __doc__, check)
