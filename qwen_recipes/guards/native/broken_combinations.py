"""Combinations that a framework's version breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.native_config import NativeConfig, read_switch
from qwen_recipes.guards.native.base import NativeViolation, is_at_least


def check_qr213(config: NativeConfig) -> Iterator[NativeViolation]:
    """What is known of this framework and version."""
    if config.backend == "llamafactory" and config.command == "train":
        yield from check_llamafactory(config, config.data)
    elif config.backend == "axolotl":
        yield from check_axolotl(config, config.data)
    elif config.backend == "ms-swift" and config.command in ("sft", "pt", "rlhf") and not config.names_config_file:
        yield from check_ms_swift(config, {key.replace("-", "_"): value for key, value in config.data.items()})


def check_llamafactory(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeViolation]:
    """LLaMA-Factory 0.9.3 and later."""
    if read_switch(data, "use_dora") and config.interpreted_settings.bits and is_at_least("0.9.3", config):
        yield NativeViolation(
            ("use_dora",),
            "DoRA on a quantized base is refused since 0.9.3",
            "use_dora: false, or a 16-bit base",
        )
    loss = data.get("pref_loss")
    if loss in ("hinge", "ipo", "kto_pair") and data.get("stage") == "dpo" and is_at_least("0.9.4", config):
        message = f"`pref_loss: {loss}` silently trains the sigmoid loss since 0.9.4"
        yield NativeViolation(("pref_loss",), message, "pref_loss: sigmoid, orpo or simpo")
    if data.get("stage") == "ppo" and is_at_least("0.9.4", config):
        message = "PPO fails to start: it needs TRL 0.9.6 or older, and this version needs TRL 0.18 or newer"
        yield NativeViolation(("stage",), message, "stage: dpo, or LLaMA-Factory 0.9.3")
    adapter = config.interpreted_settings.adapter
    if read_switch(data, "use_asft_loss") and adapter and not data.get("ref_model"):
        yield NativeViolation(
            ("use_asft_loss",), "ASFT with an adapter crashes without `ref_model`", "ref_model: the base"
        )


def check_axolotl(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeViolation]:
    """Axolotl, where its own validation lets it pass."""
    optimizer = data.get("optimizer")
    if optimizer in ("ao_adamw_4bit", "ao_adamw_8bit"):
        message = f'`{optimizer}` passes validation and ends training with "Unhandled optimizer"'
        yield NativeViolation(("optimizer",), message, f"optimizer: {optimizer.replace('ao_adamw', 'adamw_torch')}")
    parallel = data.get("tensor_parallel_size")
    if isinstance(parallel, int) and parallel > 1 and data.get("adapter") == "lora":
        message = "tensor parallelism with LoRA fails when the model is loaded"
        yield NativeViolation(("tensor_parallel_size",), message, "tensor_parallel_size: 1")
    fsdp = data.get("fsdp_config") or {}
    staged = isinstance(fsdp, dict) and fsdp.get("cpu_ram_efficient_loading") is True
    if (
        staged
        and read_switch(data, "load_in_4bit")
        and read_switch(data, "peft_use_dora")
        and is_at_least("0.20", config)
    ):
        yield NativeViolation(
            ("peft_use_dora",), "DoRA cannot be trained on a base that FSDP2 loads in stages", "plain LoRA"
        )


def check_ms_swift(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeViolation]:
    """ms-swift 4.6, where its argument check lets it pass."""
    if (
        data.get("rlhf_type") == "kto"
        and data.get("gradient_accumulation_steps") is None
        and is_at_least("4.6", config)
    ):
        message = "KTO crashes in 4.6 unless `gradient_accumulation_steps` is given"
        yield NativeViolation(("rlhf_type",), message, "gradient_accumulation_steps: 16")
    bits = config.interpreted_settings.bits
    if bits and data.get("quant_method") == "bnb" and data.get("tuner_type") == "full":
        yield NativeViolation(
            ("tuner_type",), "a base quantized by bitsandbytes cannot be fully fine-tuned", "tuner_type: lora"
        )
    if bits and data.get("quant_method") == "bnb" and str(data.get("init_weights")).startswith("pissa"):
        yield NativeViolation(("init_weights",), "PiSSA cannot start from a quantized base", "init_weights: true")
