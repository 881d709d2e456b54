"""Training in fp16."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native import NativeConfig
from qwen_recipes.guards.native.base import NativeHit

BF16 = {"torch_dtype": "torch_dtype: bfloat16"}


def qr401(config: NativeConfig) -> Iterator[NativeHit]:
    """fp16 was asked for, on a released Qwen3 model."""
    meaning = config.meaning
    if meaning.model_facts and meaning.precision and meaning.precision.value == "fp16":
        route = meaning.precision.route
        yield NativeHit(route, "training in fp16 overflows with Qwen3", BF16.get(str(route[-1]), "bf16: true"))
