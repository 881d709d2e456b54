"""Reentrant gradient checkpointing under an adapter: without input gradients nothing is trained."""

from __future__ import annotations

import warnings

import torch
from evidence_result import report_result
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Qwen3Config

GUARDS = ("QR402",)
ENVIRONMENT = "axolotl"
warnings.simplefilter("ignore")


def adapter_gets_gradient(input_gradients: bool, reentrant: bool = True) -> bool:
    """Whether the adapter gets a gradient; PEFT turns input gradients on for models that checkpoint already."""
    config = Qwen3Config(
        num_hidden_layers=2, hidden_size=32, intermediate_size=64, num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, vocab_size=128,
    )  # fmt: skip
    model = get_peft_model(AutoModelForCausalLM.from_config(config), LoraConfig(r=4, target_modules=["q_proj"]))
    model.base_model.model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    (model.enable_input_require_grads if input_gradients else model.disable_input_require_grads)()
    model.train()
    ids = torch.arange(16)[None]
    try:
        model(input_ids=ids, labels=ids).loss.backward()
    except RuntimeError:
        return False
    return any(p.grad is not None and p.grad.abs().sum() > 0 for n, p in model.named_parameters() if "lora_B" in n)


seen = {
    "without": adapter_gets_gradient(False),
    "with": adapter_gets_gradient(True),
    "without, not reentrant": adapter_gets_gradient(False, reentrant=False),
}
report_result(
    {"without input gradients nothing is trained": not seen["without"]},
    {"with them it is": seen["with"], "so it is where checkpointing is not reentrant": seen["without, not reentrant"]},
    seen,
    ("torch", "transformers", "peft"),
)
