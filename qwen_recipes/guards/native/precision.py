"""Training in fp16."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation

BF16_SUGGESTIONS = {"torch_dtype": "torch_dtype: bfloat16"}


def check_qr401(config: NativeConfig) -> Iterator[NativeViolation]:
    """fp16 was asked for, on a released Qwen3 model."""
    meaning = config.interpreted_settings
    if meaning.model_facts and meaning.precision and meaning.precision.value == "fp16":
        route = meaning.precision.route
        yield NativeViolation(route, "fp16 overflows with Qwen3", BF16_SUGGESTIONS.get(str(route[-1]), "bf16: true"))
