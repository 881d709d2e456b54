"""Axolotl's words for ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.training_arguments import STEP_KEYS

NATIVE_VALUES: dict[str, Mapping[Any, Any]] = {
    "counted": STEP_KEYS,
    "adapter": {16: "lora", 8: "lora", 4: "qlora"},
    "attention_switch": {
        "sdpa": "sdp_attention",
        "eager": "eager_attention",
        "flash_attention_2": "flash_attention",
        "flex_attention": "flex_attention",
    },
    "dora": {"plain": False, "dora": True, "pissa": False},
    "weights_plugin": {
        "float32": "weights_dtype.Float32Weights",
        "bfloat16": "weights_dtype.BFloat16Weights",
    },
    "storage": {"uint8": "uint8", "bf16": "bfloat16"},
    "overlong": {"drop": "drop", "truncate": "truncate", "error": "raise"},
}
