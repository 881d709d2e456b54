"""What ZeRO-3 and FSDP can't shard.

What:
The weights are sharded (`zero3`, `fsdp`, `fsdp1`), and the base was quantized before training (GPTQ, AWQ and the
like) or is quantized by HQQ or EETQ; or under ZeRO-3 the adapter starts by PiSSA, or Unsloth is switched on.

Why it matters:
Sharding cuts each weight into flat pieces. Packed integer formats have no such pieces, PiSSA needs the whole weight
to take its principal components from, and Unsloth's kernels read whole weights.

Evidence:
LLaMA-Factory 0.9.5 raises on each of them (`model_utils/quantization.py`, `hparams/parser.py`);
hiyouga/LlamaFactory#6898, deepspeedai/DeepSpeed#7096 (prequantized), huggingface/peft#1826 (PiSSA under ZeRO-3).
ms-swift loads GPTQ and AWQ under ZeRO-3, and every GPU then holds the whole model (modelscope/ms-swift#767).

Instead:
Write `strategy: zero2`, which leaves weights whole; or start from the unquantized model, with `method: qlora`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit

_METHOD = {"llamafactory": "quantization_method", "ms-swift": "quant_method"}
_UNSLOTH = {"llamafactory": "use_unsloth"}
_START = {"axolotl": "peft_init_lora_weights", "ms-swift": "init_weights"}
_SWITCH = {"llamafactory": "pissa_init"}
_BY_METHOD = ("gptq", "awq", "hqq", "eetq", "aqlm", "bitsandbytes", "compressed-tensors")


def check(facts: Facts) -> Iterator[Hit]:
    """Whatever needs whole weights, where weights are sharded."""
    plan = facts.plan
    zero3 = plan.hardware.strategy == "zero3"
    if zero3 or plan.hardware.fsdp:
        for what in [*_packed(facts), *(_whole(facts) if zero3 else ())]:
            yield Hit(
                facts.written("hardware.strategy", "hardware.gpus", "method.type"),
                f"{what} does not go with weights sharded by {plan.hardware.strategy}",
                "strategy: zero2",
                Fix((("hardware.strategy", "zero2"),), safe=False) if plan.hardware.offload != "all" else None,
            )


def _packed(facts: Facts) -> Iterator[str]:
    if (quantized := _prequantized(facts)) in _BY_METHOD:
        yield f"a base quantized by {quantized}"
    method = str(facts.native(_METHOD)).lower()
    if method in ("hqq", "eetq"):
        yield f"a base quantized by {method}"


def _whole(facts: Facts) -> Iterator[str]:
    native = facts.native(_SWITCH) is True or str(facts.native(_START)).startswith("pissa")
    if facts.plan.method.variant == "pissa" or native:
        yield "PiSSA"
    if facts.native(_UNSLOTH):
        yield "Unsloth"


def _prequantized(facts: Facts) -> str:
    """How the weights in a model's folder are quantized, as its config.json says."""
    if not facts.model.local:
        return ""
    config = json.loads((Path(facts.model.source) / "config.json").read_text("utf-8"))
    quantized = config.get("quantization_config")
    return str(quantized.get("quant_method", "")) if isinstance(quantized, dict) else ""


GUARD = Guard("QR105", "cannot-be-sharded", "error", "high", __doc__, check)
