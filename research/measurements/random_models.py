"""Write a model with random weights in the shape of a released Qwen3, as `from_pretrained` reads it.

python research/measurements/random_models.py FOLDER 0.6B 4B moe
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.registry import REGISTRY

SEED = 7


def facts_for_shape(name: str) -> ModelFacts:
    """`0.6B` and `4B` are whole; `0.6B-4layers` has its widths; `moe` is the 30B-A3B, 2 layers and fewer tokens."""
    if name.endswith("layers"):
        size, _, layers = name.removesuffix("layers").rpartition("-")
        return replace(facts_for_shape(size), layers=int(layers))
    if name == "moe":
        return replace(REGISTRY["Qwen/Qwen3-30B-A3B"], layers=2, vocab_size=32_768)
    small: dict[str, Any] = {
        "layers": 2,
        "hidden_size": 128,
        "heads": 4,
        "kv_heads": 2,
        "head_dim": 32,
        "vocab_size": 512,
    }
    if name == "tiny":
        return replace(REGISTRY["Qwen/Qwen3-0.6B"], intermediate_size=256, **small)
    if name == "tiny-moe":
        return replace(
            REGISTRY["Qwen/Qwen3-30B-A3B"], moe_intermediate_size=64, experts=16, experts_per_token=2, **small
        )
    return REGISTRY[f"Qwen/Qwen3-{name}"]


def config_arguments(facts: ModelFacts) -> dict[str, Any]:
    """Arguments of transformers' config class."""
    words: dict[str, Any] = {
        "num_hidden_layers": facts.layers,
        "hidden_size": facts.hidden_size,
        "num_attention_heads": facts.heads,
        "num_key_value_heads": facts.kv_heads,
        "head_dim": facts.head_dim,
        "intermediate_size": facts.intermediate_size,
        "vocab_size": facts.vocab_size,
        "tie_word_embeddings": facts.tied_embeddings,
        "max_position_embeddings": facts.max_positions,
        "use_cache": False,
    }
    if facts.experts:
        words |= {
            "moe_intermediate_size": facts.moe_intermediate_size,
            "num_experts": facts.experts,
            "num_experts_per_tok": facts.experts_per_token,
            "norm_topk_prob": True,
        }
    return words


def write_weights(folder: Path, facts: ModelFacts) -> None:
    """Draw the weights (deviation 0.02, bfloat16) and save them."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(SEED)
    config = AutoConfig.for_model(facts.model_type, **config_arguments(facts))
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)


def main() -> None:
    root, *names = sys.argv[1:]
    for name in names:
        folder = Path(root) / name
        if not (folder / "config.json").is_file():
            write_weights(folder, facts_for_shape(name))


if __name__ == "__main__":
    main()
