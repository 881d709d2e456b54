"""A folder in the place of a released model, for who needs its shape and its tokenizer and no weights."""

from __future__ import annotations

import json
from pathlib import Path

from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder


def write_placeholder_model(facts: ModelFacts, folder: Path) -> None:
    """Write config.json and the tokenizer's files. Raises KeyError for a variant without an official tokenizer."""
    write_model_config(facts, folder)
    for file in sorted(get_tokenizer_folder(facts.variant).iterdir()):
        replace_file(folder / file.name, file.read_bytes())


def write_model_config(facts: ModelFacts, folder: Path) -> None:
    """Write config.json, as far as these facts tell it."""
    replace_file(folder / "config.json", json.dumps(_make_config(facts), indent=2))


def _make_config(facts: ModelFacts) -> dict[str, object]:
    experts = {
        "num_experts": facts.experts,
        "num_experts_per_tok": facts.experts_per_token,
        "moe_intermediate_size": facts.moe_intermediate_size,
    }
    return {
        "architectures": ["Qwen3ForCausalLM" if facts.dense else "Qwen3MoeForCausalLM"],
        "model_type": facts.model_type,
        "hidden_size": facts.hidden_size,
        "intermediate_size": facts.intermediate_size,
        "num_hidden_layers": facts.layers,
        "num_attention_heads": facts.heads,
        "num_key_value_heads": facts.kv_heads,
        "head_dim": facts.head_dim,
        "vocab_size": facts.vocab_size,
        "max_position_embeddings": facts.max_positions,
        "rope_theta": facts.rope_theta,
        "tie_word_embeddings": facts.tied_embeddings,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.57.0",
        **({} if facts.dense else experts),
    }
