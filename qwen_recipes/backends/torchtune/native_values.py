"""torchtune's words for ours, and the sizes of models: its own builders have other RoPE bases than the 2507 models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.qwen.registry import REGISTRY

DENSE = {name: facts for name, facts in REGISTRY.items() if facts.dense}

NATIVE_VALUES: dict[str, Mapping[Any, Any]] = {
    "counted": {"steps": "max_steps_per_epoch", "warmup_steps": "warmup_steps", "warmup_ratio": "warmup_ratio"},
    "four_bits": {16: False, 4: True},
    "dtype": {"bfloat16": "bf16", "float32": "fp32"},
    "optimizer_fused": {"adamw_torch": False, "adamw_torch_fused": True},
    "attention_module": {name: name for name in ("q_proj", "k_proj", "v_proj")} | {"o_proj": "output_proj"},
    "layers": {name: facts.layers for name, facts in DENSE.items()},
    "heads": {name: facts.heads for name, facts in DENSE.items()},
    "kv_heads": {name: facts.kv_heads for name, facts in DENSE.items()},
    "head_dim": {name: facts.head_dim for name, facts in DENSE.items()},
    "hidden": {name: facts.hidden_size for name, facts in DENSE.items()},
    "ffn": {name: facts.intermediate_size for name, facts in DENSE.items()},
    "vocabulary": {name: facts.vocab_size for name, facts in DENSE.items()},
    "positions": {name: facts.max_positions for name, facts in DENSE.items()},
    "rope": {name: facts.rope_theta for name, facts in DENSE.items()},
    "tied": {name: facts.tied_embeddings for name, facts in DENSE.items()},
}
