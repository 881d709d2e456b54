"""Quantization that is asked for and does not happen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.native_config import NativeConfig, read_switch
from qwen_recipes.guards.native.base import NativeViolation, is_at_least

ADAPTER_BY_SWITCH = {"load_in_4bit": "qlora", "load_in_8bit": "lora"}
TRAINING_COMMANDS = ("sft", "pt", "rlhf")
QUANTIZATION_METHODS = ("bnb", "hqq", "eetq")
_QUANTIZED = re.compile(r"4bit|8bit|gptq|awq|nf4|bnb|int4|int8", re.I)


def check_qr212(config: NativeConfig) -> Iterator[NativeViolation]:
    """A switch that quantizes nothing as the rest of the config stands."""
    data = config.data
    if config.backend == "axolotl":
        yield from check_axolotl(data)
    elif config.backend == "llamafactory" and config.command == "train":
        yield from check_llamafactory(config, data)
    elif config.backend == "ms-swift" and config.command in TRAINING_COMMANDS and not config.names_config_file:
        yield from check_ms_swift(data)


def check_ms_swift(data: dict[str, Any]) -> Iterator[NativeViolation]:
    """Bits without a method."""
    if data.get("quant_bits") and not data.get("quant_method"):
        message = "`quant_bits` has no effect without `quant_method`"
        yield NativeViolation(("quant_bits",), message, "quant_method: bnb", at_key=True)


def check_axolotl(data: dict[str, Any]) -> Iterator[NativeViolation]:
    """Each switch is read with one kind of adapter alone."""
    if _QUANTIZED.search(str(data.get("base_model"))):
        return
    for key, kind in ADAPTER_BY_SWITCH.items():
        adapter = data.get("adapter")
        if (
            read_switch(data, key)
            and adapter in ADAPTER_BY_SWITCH.values()
            and adapter != kind
            and not read_switch(data, get_other_switch(key))
        ):
            message = f"`{key}` has no effect with `adapter: {adapter}`: the base is loaded in 16 bits"
            yield NativeViolation((key,), message, f"adapter: {kind}", at_key=True)


def get_other_switch(key: str) -> str:
    """The other of the two switches."""
    return next(name for name in ADAPTER_BY_SWITCH if name != key)


def check_llamafactory(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeViolation]:
    """A method that it does not know is passed over."""
    method = data.get("quantization_method")
    named = (
        isinstance(method, str)
        and method not in QUANTIZATION_METHODS
        and method != "bitsandbytes"
        and "$" not in method
    )
    if data.get("quantization_bit") and named and is_at_least("0.9.3", config):
        message = f"unknown quantization method {method}: the base is loaded in 16 bits"
        yield NativeViolation(("quantization_method",), message, "quantization_method: bnb")
