"""Qwen3 of a real shape with random weights, built on the GPU without a copy elsewhere, as a loader leaves it.

Quantized layers come one at a time through a single buffer, so that nothing but what is kept stays reserved.
"""

from __future__ import annotations

from typing import Any

import torch  # type: ignore[import-not-found,unused-ignore]
from random_models import config_arguments, facts_for_shape
from torch import nn

UNQUANTIZED_MODULES = ("lm_head",)
"""Linear layers that bitsandbytes leaves alone."""


def build_model(size: str, bits: int, device: torch.device) -> Any:
    """The model in bfloat16, its linear layers in `bits` bits; random weights of deviation 0.02."""
    from transformers import AutoConfig, AutoModelForCausalLM

    facts = facts_for_shape(size)
    config = AutoConfig.for_model(facts.model_type, **config_arguments(facts))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa")
    if bits != 16:
        _quantize_layers(model, bits, device)
    _fill_weights(model, device)
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config).to(device)
    model.tie_weights()
    model.config.use_cache = False
    return model


def _quantize_layers(model: Any, bits: int, device: torch.device) -> None:
    linear = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear) and n not in UNQUANTIZED_MODULES}
    buffer = torch.empty(max(m.weight.numel() for m in linear.values()), dtype=torch.bfloat16, device=device)
    buffer.normal_(0, 0.02)
    for name, module in linear.items():
        weight = buffer[: module.weight.numel()].view(module.weight.shape)
        model.set_submodule(name, _quantized_layer(module, weight, bits, device))
    model.is_loaded_in_4bit, model.is_loaded_in_8bit = bits == 4, bits == 8


def _quantized_layer(module: nn.Linear, weight: torch.Tensor, bits: int, device: torch.device) -> nn.Module:
    import bitsandbytes as bnb  # type: ignore[import-not-found,import-untyped,unused-ignore]

    shape = (module.in_features, module.out_features)
    with torch.device("meta"):
        layer: nn.Module = (
            bnb.nn.Linear4bit(*shape, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4")
            if bits == 4
            else bnb.nn.Linear8bitLt(*shape, bias=False, has_fp16_weights=False)
        )
    kind = bnb.nn.Params4bit if bits == 4 else bnb.nn.Int8Params
    more = {"quant_type": "nf4", "compress_statistics": True} if bits == 4 else {"has_fp16_weights": False}
    layer.weight = kind(weight, requires_grad=False, **more).to(device)
    if bits == 4:
        layer.weight.module = layer
        layer.quant_state = layer.weight.quant_state  # type: ignore[assignment,unused-ignore]
    return layer


def _fill_weights(model: Any, device: torch.device) -> None:
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.device.type != "meta":
                continue
            data = torch.empty(parameter.shape, dtype=torch.bfloat16, device=device)
            data = data.normal_(0, 0.02) if parameter.dim() > 1 else data.fill_(1)
            setattr(module, name, nn.Parameter(data))


def make_trainable(model: Any, cell: dict[str, Any]) -> Any:
    """Checkpointing, k-bit preparation and the adapter (float32, on all seven linear layers, alpha twice the rank)."""
    from peft import (  # type: ignore[import-not-found,unused-ignore]
        LoraConfig,
        get_peft_model,
        prepare_model_for_kbit_training,
    )

    words = {"use_reentrant": False}
    if cell["checkpointing"]:
        model.gradient_checkpointing_enable(words)
    if cell["method"] == "full":
        return model
    if cell["bits"] != 16:
        model = prepare_model_for_kbit_training(model, cell["checkpointing"], words)
    if cell["checkpointing"]:
        model.enable_input_require_grads()
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(
        r=cell["rank"],
        lora_alpha=2 * cell["rank"],
        lora_dropout=0.0,
        target_modules=targets,
        use_dora="dora" in cell["method"],
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def build_optimizer(model: Any, name: str) -> Any:
    """Over what is trained."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if name == "adamw":
        return torch.optim.AdamW(weights, lr=1e-4, fused=weights[0].is_cuda)
    import bitsandbytes as bnb

    return {"adamw_8bit": bnb.optim.AdamW8bit, "paged_adamw_8bit": bnb.optim.PagedAdamW8bit}[name](weights, lr=1e-4)
