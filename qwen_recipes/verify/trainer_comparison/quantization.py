"""How the frozen base is stored."""

from __future__ import annotations

import re

from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, Look, NotSeen, Seen, SeenLeaf, UnseenLeaf

NOT_QUANTIZED = NotSeen("the base is not quantized")
DOUBLE, TYPE, STORAGE = "bnb_4bit_use_double_quant", "bnb_4bit_quant_type", "bnb_4bit_quant_storage"

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def look_at_bits(case: Case) -> Seen | NotSeen:
    """16 where the model has no quantization config."""
    config = case.section("weights")["quantization"]
    if config is None:
        return Seen(case.plan.quantization.bits, 16)
    return Seen(case.plan.quantization.bits, 4 if _read(config, "load_in_4bit") == "true" else 8)


def look_at_option(option: str, field: str) -> Look:
    """A look at an option of bitsandbytes' config, for the 4-bit types."""

    def look(case: Case) -> Seen | NotSeen:
        if case.plan.quantization.bits != 4:
            return NOT_QUANTIZED
        planned = str(getattr(case.plan.quantization, field)).lower()
        return Seen(DTYPES.get(planned, planned), _read(case.section("weights")["quantization"] or "", option))

    return look


def _read(config: str, option: str) -> str | None:
    found = re.search(rf"{option}\W+(\w+)", config)
    return found[1].lower() if found else None


QUANTIZATION: dict[str, Leaf] = {
    "quantization.bits": SeenLeaf("the model's quantization config", look_at_bits),
    "quantization.type": SeenLeaf("the model's quantization config", look_at_option(TYPE, "type")),
    "quantization.double": SeenLeaf("the model's quantization config", look_at_option(DOUBLE, "double")),
    "quantization.experts": UnseenLeaf("experts are quantized on CUDA only", "tests/conformance/test_parsers.py"),
    "quantization.storage": SeenLeaf("the model's quantization config", look_at_option(STORAGE, "storage")),
}
