"""Quantization without effect.

What:
A key asks for quantization without the key that makes it work: `load_in_4bit` with `adapter: lora` in Axolotl,
`quant_bits` without `quant_method` in ms-swift, a method that LLaMA-Factory does not know.

Why it matters:
There is no error message. The base is loaded in 16 bits and needs four times the memory. If it fits, the run is not
the one you intended, and measurements made with it are wrong.

Evidence:
Tested with Axolotl 0.21.0: `adapter: lora` with `load_in_4bit: true` passes validation and loads an unquantized base
(`axolotl.loaders.model` quantizes to 4 bits for `qlora` and to 8 bits for `lora` only). Tested with ms-swift 4.6.0:
`quant_bits: 4` by itself trains an unquantized base, as one of its own FSDP examples does. LLaMA-Factory 0.9.5 was
tested too.

Instead:
Axolotl: `adapter: qlora` with `load_in_4bit: true`. ms-swift: `quant_method: bnb` beside `quant_bits: 4`.
LLaMA-Factory: `quantization_method: bnb`, or leave it out. In a recipe: `method: qlora`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Native keys under `extra` that would quantize nothing."""
    yield from check_extra_keys("QR212", context)


GUARD = Guard("QR212", "not-quantized", "error", "high", __doc__, check)
