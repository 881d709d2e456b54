"""What inference servers are told about adapters, as commands to copy."""

from __future__ import annotations

import shlex
from pathlib import Path

_VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` may be (vLLM's `MaxLoRARanks`)."""
TOO_LARGE = "vLLM takes ranks up to 512: use --combine svd --rank, or merge into the base"


def format_server_command(base: str, adapter: Path, rank: int) -> str:
    """vLLM's command for a base and an adapter, which requests choose as `model`; empty for a rank that it lacks."""
    known = next((one for one in _VLLM_RANKS if one >= rank), None)
    if known is None:
        return ""
    name = shlex.quote(f"{adapter.resolve().name}={adapter}")
    return f"vllm serve {shlex.quote(base)} --enable-lora --max-lora-rank {known} --lora-modules {name}"
