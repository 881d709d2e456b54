"""What an adapter of rank 8 trains: q and v alone against all linear layers, and one layer of a mixture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from evidence_result import report_result
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3MoeConfig

from qwen_recipes.qwen.facts import ModelFacts, count_lora_parameters
from qwen_recipes.qwen.registry import REGISTRY

GUARDS = ("QR201", "QR202")
ENVIRONMENT = "axolotl"
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
ALL = [*ATTENTION, "gate_proj", "up_proj", "down_proj"]
DENSE = REGISTRY["Qwen/Qwen3-4B"]
EXPERTS = replace(REGISTRY["Qwen/Qwen3-30B-A3B"], layers=1, experts=8)


def build_config(facts: ModelFacts) -> Any:
    same = {
        "num_hidden_layers": facts.layers, "hidden_size": facts.hidden_size, "num_attention_heads": facts.heads,
        "num_key_value_heads": facts.kv_heads, "head_dim": facts.head_dim, "vocab_size": facts.vocab_size,
        "intermediate_size": facts.intermediate_size, "tie_word_embeddings": facts.tied_embeddings,
    }  # fmt: skip
    if facts.dense:
        return Qwen3Config(**same)
    mixture = {"num_experts": facts.experts, "num_experts_per_tok": facts.experts_per_token}
    return Qwen3MoeConfig(**same, **mixture, moe_intermediate_size=facts.moe_intermediate_size)


def count_trainable_parameters(facts: ModelFacts, targets: Any) -> int:
    """Trainable parameters that PEFT counts; no weight is held."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(build_config(facts))
        return get_peft_model(model, LoraConfig(r=8, target_modules=targets)).get_nb_trainable_parameters()[0]


few, every = count_trainable_parameters(DENSE, ["q_proj", "v_proj"]), count_trainable_parameters(DENSE, ALL)
attention, linear = count_trainable_parameters(EXPERTS, ATTENTION), count_trainable_parameters(EXPERTS, "all-linear")
report_result(
    {"q and v train a fifth": few < 0.2 * every, "all-linear is more than attention on a mixture": linear > attention},
    {
        "dense, as this project counts": every == count_lora_parameters(DENSE, 8, ALL),
        "attention, as this project counts": attention == count_lora_parameters(EXPERTS, 8, ATTENTION),
    },
    {"4B, q and v": few, "4B, all": every, "a mixture, attention": attention, "a mixture, all-linear": linear},
    ("torch", "transformers", "peft"),
)
