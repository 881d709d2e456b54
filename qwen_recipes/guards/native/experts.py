"""Experts of a quantized mixture that are not quantized."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_modules import get_default_version
from qwen_recipes.backends.native_violation import NativeViolation
from qwen_recipes.guards.adapters.qr218_experts_not_quantized import describe_wide_experts


def check_qr218(config: NativeConfig) -> Iterator[NativeViolation]:
    """A mixture that is quantized when it is loaded; older versions may have a transformers with experts apart."""
    meaning, model = config.interpreted_settings, config.interpreted_settings.model_facts
    if model is None or model.dense or model.quantization or not meaning.bits or meaning.experts_quantized:
        return
    if config.version == get_default_version(config.backend):
        instead = config.traits.quantize_experts or "train LoRA on the 16-bit base"
        yield NativeViolation(meaning.bits.route, describe_wide_experts(model, config.backend), instead, at_key=True)
