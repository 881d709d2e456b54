"""Unsloth's words for ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SIZES = ("0.6B", "1.7B", "4B", "8B", "14B", "32B", "0.6B-Base", "1.7B-Base", "4B-Base", "8B-Base", "14B-Base")
_QUANTIZED = (*_SIZES, "4B-Instruct-2507", "4B-Thinking-2507")

NATIVE_VALUES: dict[str, Mapping[Any, Any]] = {
    "counted": {
        "steps": "training.max_steps",
        "warmup_steps": "training.warmup_steps",
        "warmup_ratio": "training.warmup_ratio",
    },
    "four_bits": {16: False, 4: True},
    "dora": {"plain": False, "dora": True},
    "prequantized": {f"Qwen/Qwen3-{name}": f"unsloth/Qwen3-{name}-bnb-4bit" for name in _QUANTIZED},
}
"""`prequantized`: Qwen's models that Unsloth keeps in plain NF4 with double quantization (`unsloth/models/mapper.py`).
Qwen's own name it would replace by `…-unsloth-bnb-4bit`, in which some layers are left in 16 bits; a name that ends in
`-bnb-4bit` it keeps."""
