"""Axolotl's words for ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS: dict[str, Mapping[Any, Any]] = {
    "adapter": {16: "lora", 8: "lora", 4: "qlora"},
    "dora": {"plain": False, "dora": True, "pissa": False},
    "storage": {"uint8": "uint8", "bf16": "bfloat16"},
    "overlong": {"drop": "drop", "truncate": "truncate", "error": "raise"},
}
