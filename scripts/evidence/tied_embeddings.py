"""With tied embeddings, training only the head as a whole module leaves two weights where the model has one."""

from __future__ import annotations

from peft import LoraConfig, get_peft_model
from tell import tell
from transformers import AutoModelForCausalLM, PreTrainedModel, Qwen3Config

GUARDS = ("QR208",)
ENVIRONMENT = "axolotl"


def model() -> PreTrainedModel:
    config = Qwen3Config(
        num_hidden_layers=1, hidden_size=32, intermediate_size=64, num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, vocab_size=128, tie_word_embeddings=True,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config)


def shared(modules: list[str] | None) -> bool:
    """Whether the head that is used is the embedding still."""
    adapted = get_peft_model(model(), LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=modules))
    embedding, head = adapted.get_input_embeddings(), adapted.get_output_embeddings()
    return embedding.weight.data_ptr() == head.weight.data_ptr()


seen = {"neither": shared(None), "lm_head": shared(["lm_head"])}
tell(
    {"lm_head alone: two weights": not seen["lm_head"]},
    {"neither: one weight": seen["neither"]},
    seen,
    ("transformers", "peft"),
)
