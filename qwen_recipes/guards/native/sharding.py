"""Adapters and quantized bases under ZeRO-3 and FSDP."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation

SHARDABLE_STORAGE = ("bfloat16", "bf16", "torch.bfloat16")


def check_qr101(config: NativeConfig) -> Iterator[NativeViolation]:
    """An adapter whose DeepSpeed stage is 3."""
    meaning = config.interpreted_settings
    if meaning.adapter and meaning.strategy and meaning.strategy.value == "zero3":
        message = f"an adapter ({meaning.adapter.value}) is trained under ZeRO-3"
        yield NativeViolation(meaning.strategy.route, message, config.traits.zero2)


def check_qr102(config: NativeConfig) -> Iterator[NativeViolation]:
    """A base that is quantized when it is loaded, under ZeRO-3."""
    meaning = config.interpreted_settings
    if meaning.bits and meaning.strategy and meaning.strategy.value == "zero3":
        message = f"a {meaning.bits.value}-bit base is trained under ZeRO-3"
        yield NativeViolation(meaning.strategy.route, message, config.traits.zero2)


def check_qr103(config: NativeConfig) -> Iterator[NativeViolation]:
    """A quantized base under FSDP whose weights are stored in another type than they are computed in."""
    meaning = config.interpreted_settings
    if not (meaning.bits and meaning.strategy and meaning.strategy.value == "fsdp"):
        return
    if meaning.bits.value != 4 and config.traits.shards_8_bit:
        return
    if meaning.bits.value != 4:
        message = f"FSDP does not shard a {meaning.bits.value}-bit base"
        yield NativeViolation(meaning.bits.route, message, "quantize to 4 bits, or use ZeRO-2")
    elif meaning.storage and meaning.storage.value not in SHARDABLE_STORAGE:
        message = f"FSDP leaves 4-bit weights stored as {meaning.storage.value} unsharded"
        yield NativeViolation(meaning.storage.route, message, "bnb_4bit_quant_storage: bfloat16")
