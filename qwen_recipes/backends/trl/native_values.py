"""TRL's words for ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.training_arguments import STEP_KEYS

NATIVE_VALUES: dict[str, Mapping[Any, Any]] = {
    "counted": STEP_KEYS,
    "method": {"sft": "sft", "pretrain": "sft", "dpo": "dpo", "kto": "kto", "reward": "reward", "grpo": "grpo"},
    "dtype": {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"},
    "dora": {"plain": False, "dora": True},
    "storage": {"uint8": "uint8", "bf16": "bfloat16"},
    "mixed_precision": {"bf16": "bf16", "fp16": "fp16", "fp32": "no"},
    "distributed_type": {
        "ddp": "MULTI_GPU",
        "zero1": "MULTI_GPU",
        "zero2": "MULTI_GPU",
        "zero3": "MULTI_GPU",
        "fsdp": "FSDP",
    },
}
