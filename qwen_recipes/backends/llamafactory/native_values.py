"""LLaMA-Factory's words for ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.training_arguments import STEP_KEYS

NATIVE_VALUES: dict[str, Mapping[Any, Any]] = {
    "counted": STEP_KEYS,
    "stage": {
        "pretrain": "pt",
        "sft": "sft",
        "dpo": "dpo",
        "orpo": "dpo",
        "simpo": "dpo",
        "kto": "kto",
        "reward": "rm",
    },
    "optimizer": {
        "adamw_torch": "adamw_torch",
        "adamw_torch_fused": "adamw_torch_fused",
        "adamw_8bit": "adamw_8bit",
        "paged_adamw_8bit": "paged_adamw_8bit",
        "paged_adamw_32bit": "paged_adamw_32bit",
        "adafactor": "adafactor",
        "lion_8bit": "lion_8bit",
        "sgd": "sgd",
        "lion_32bit": "lion_32bit",
        "ademamix": "ademamix",
        "schedule_free_adamw": "schedule_free_adamw",
        "muon": "adamw_torch",
        "galore_adamw": "adamw_torch",
        "apollo_adamw": "adamw_torch",
    },
    "dora": {"plain": False, "dora": True, "pissa": False},
    "attention": {"sdpa": "sdpa", "eager": "disabled", "flash_attention_2": "fa2"},
    "template": {"hybrid": "qwen3", "base": "qwen3", "thinking-2507": "qwen3", "instruct-2507": "qwen3_nothink"},
    "template_of_text": {"hybrid": "empty", "base": "qwen3", "thinking-2507": "empty", "instruct-2507": "empty"},
    "thinking": {"auto": None, "train-empty": True},
    "mixed_precision": {"bf16": "bf16", "fp16": "fp16", "fp32": "no"},
}
