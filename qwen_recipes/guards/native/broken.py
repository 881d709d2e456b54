"""Combinations that a framework's version breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.native import NativeConfig, switched
from qwen_recipes.guards.native.base import NativeHit, since


def qr213(config: NativeConfig) -> Iterator[NativeHit]:
    """What is known of this framework and version."""
    if config.backend == "llamafactory" and config.command == "train":
        yield from llamafactory(config, config.data)
    elif config.backend == "axolotl":
        yield from axolotl(config, config.data)
    elif config.backend == "ms-swift" and config.command in ("sft", "pt", "rlhf") and not config.follows:
        yield from ms_swift(config, {key.replace("-", "_"): value for key, value in config.data.items()})


def llamafactory(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeHit]:
    """LLaMA-Factory 0.9.3 and later."""
    if switched(data, "use_dora") and config.meaning.bits and since("0.9.3", config):
        yield NativeHit(
            ("use_dora",),
            "it refuses DoRA on any quantized base since 0.9.3",
            "use_dora: false, or a base in 16 bits",
        )
    loss = data.get("pref_loss")
    if loss in ("hinge", "ipo", "kto_pair") and data.get("stage") == "dpo" and since("0.9.4", config):
        message = f"`pref_loss: {loss}` trains the plain sigmoid loss since 0.9.4, without a word"
        yield NativeHit(("pref_loss",), message, "pref_loss: sigmoid, orpo or simpo")
    if data.get("stage") == "ppo" and since("0.9.4", config):
        message = "PPO wants TRL 0.9.6 at most, and this version TRL 0.18 at least: it does not start"
        yield NativeHit(("stage",), message, "stage: dpo, or LLaMA-Factory 0.9.3")
    adapter = config.meaning.adapter
    if switched(data, "use_asft_loss") and adapter and not data.get("ref_model"):
        yield NativeHit(("use_asft_loss",), "ASFT with an adapter crashes without `ref_model`", "ref_model: the base")


def axolotl(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeHit]:
    """Axolotl, where its own validation lets it pass."""
    optimizer = data.get("optimizer")
    if optimizer in ("ao_adamw_4bit", "ao_adamw_8bit"):
        message = f'`{optimizer}` passes validation and ends training with "Unhandled optimizer"'
        yield NativeHit(("optimizer",), message, f"optimizer: {optimizer.replace('ao_adamw', 'adamw_torch')}")
    parallel = data.get("tensor_parallel_size")
    if isinstance(parallel, int) and parallel > 1 and data.get("adapter") == "lora":
        message = "tensor parallelism with LoRA is refused when the model is loaded"
        yield NativeHit(("tensor_parallel_size",), message, "tensor_parallel_size: 1")
    fsdp = data.get("fsdp_config") or {}
    staged = isinstance(fsdp, dict) and fsdp.get("cpu_ram_efficient_loading") is True
    if staged and switched(data, "load_in_4bit") and switched(data, "peft_use_dora") and since("0.20", config):
        yield NativeHit(("peft_use_dora",), "DoRA can't be trained on a base that FSDP2 loads in stages", "plain LoRA")


def ms_swift(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeHit]:
    """ms-swift 4.6, where its argument check lets it pass."""
    if data.get("rlhf_type") == "kto" and data.get("gradient_accumulation_steps") is None and since("4.6", config):
        message = "KTO crashes in 4.6 unless `gradient_accumulation_steps` is given"
        yield NativeHit(("rlhf_type",), message, "gradient_accumulation_steps: 16")
    bits = config.meaning.bits
    if bits and data.get("quant_method") == "bnb" and data.get("tuner_type") == "full":
        yield NativeHit(
            ("tuner_type",), "a base quantized by bitsandbytes can't be trained in full", "tuner_type: lora"
        )
    if bits and data.get("quant_method") == "bnb" and str(data.get("init_weights")).startswith("pissa"):
        yield NativeHit(("init_weights",), "PiSSA can't start from a quantized base", "init_weights: true")
