"""LLaMA-Factory's words for ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS: dict[str, Mapping[Any, Any]] = {
    "dora": {"plain": False, "dora": True},
    "attention": {"sdpa": "sdpa", "eager": "disabled", "flash_attention_2": "fa2"},
    "template": {"hybrid": "qwen3", "base": "qwen3", "thinking-2507": "qwen3", "instruct-2507": "qwen3_nothink"},
    "thinking": {"auto": None, "train-empty": True},
    "mixed_precision": {"bf16": "bf16", "fp16": "fp16", "fp32": "no"},
}
