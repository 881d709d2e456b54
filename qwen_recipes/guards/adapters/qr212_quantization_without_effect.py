"""Quantization without effect.

What:
A key asks for quantization without the key that makes it work: `load_in_4bit` with `adapter: lora` in Axolotl,
`quant_bits` without `quant_method` in ms-swift, a method that LLaMA-Factory does not know.

Why it matters:
No message says so. The base is loaded in 16 bits and needs four times the memory. If it fits, another training than
the intended one runs, and figures measured with it are wrong.

Evidence:
Axolotl 0.21.0, run: `adapter: lora` with `load_in_4bit: true` passes validation and loads an unquantized base
(`axolotl.loaders.model` quantizes to 4 bits for `qlora` and to 8 bits for `lora` alone). ms-swift 4.6.0, run:
`quant_bits: 4` alone trains unquantized; its own FSDP example does that. LLaMA-Factory 0.9.5, run.

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
