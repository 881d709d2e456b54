"""ms-swift's words for ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.ms_swift.megatron import NATIVE_VALUES as MEGATRON
from qwen_recipes.backends.training_arguments import STEP_KEYS

NATIVE_VALUES: dict[str, Mapping[Any, Any]] = {
    "weights_callback": {"float32": "float32_weights", "bfloat16": "bfloat16_weights"},
    "counted": STEP_KEYS,
    "command": {
        "pretrain": "pt",
        "sft": "sft",
        "dpo": "rlhf",
        "orpo": "rlhf",
        "simpo": "rlhf",
        "kto": "rlhf",
        "reward": "rlhf",
        "grpo": "rlhf",
    },
    "rlhf_type": {"dpo": "dpo", "orpo": "orpo", "simpo": "simpo", "kto": "kto", "reward": "rm", "grpo": "grpo"},
    "tuner_type": {"full": "full", "freeze": "full", "lora": "lora"},
    "dora": {"plain": False, "dora": True, "pissa": False},
    "template": {
        "hybrid": "qwen3",
        "base": "qwen3",
        "thinking-2507": "qwen3_thinking",
        "instruct-2507": "qwen3_nothinking",
    },
    "loss_scale": {"assistant": "default", "last-assistant": "last_round", "all": "all"},
    "overlong": {"drop": "delete", "truncate": "right", "error": "delete"},
    "storage": {"uint8": "uint8", "bf16": "bfloat16"},
    **MEGATRON,
    "torch_dtype": {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"},
}
