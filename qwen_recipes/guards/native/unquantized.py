"""Quantization that is asked for and does not happen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.native import NativeConfig, switched
from qwen_recipes.guards.native.base import NativeHit, since

WITH = {"load_in_4bit": "qlora", "load_in_8bit": "lora"}
TRAINING = ("sft", "pt", "rlhf")
METHODS = ("bnb", "hqq", "eetq")
_QUANTIZED = re.compile(r"4bit|8bit|gptq|awq|nf4|bnb|int4|int8", re.I)


def qr212(config: NativeConfig) -> Iterator[NativeHit]:
    """A switch that quantizes nothing as the rest of the config stands."""
    data = config.data
    if config.backend == "axolotl":
        yield from axolotl(data)
    elif config.backend == "llamafactory" and config.command == "train":
        yield from llamafactory(config, data)
    elif config.backend == "ms-swift" and config.command in TRAINING and not config.follows:
        yield from ms_swift(data)


def ms_swift(data: dict[str, Any]) -> Iterator[NativeHit]:
    """Bits without a method."""
    if data.get("quant_bits") and not data.get("quant_method"):
        message = "`quant_bits` without `quant_method` quantizes nothing"
        yield NativeHit(("quant_bits",), message, "quant_method: bnb beside it", at_key=True)


def axolotl(data: dict[str, Any]) -> Iterator[NativeHit]:
    """Each switch is read with one kind of adapter alone."""
    if _QUANTIZED.search(str(data.get("base_model"))):
        return
    for key, kind in WITH.items():
        adapter = data.get("adapter")
        if switched(data, key) and adapter in WITH.values() and adapter != kind and not switched(data, other(key)):
            message = f"`{key}` does nothing with `adapter: {adapter}`: the base is loaded in 16 bits"
            yield NativeHit((key,), message, f"adapter: {kind}", at_key=True)


def other(key: str) -> str:
    """The other of the two switches."""
    return next(name for name in WITH if name != key)


def llamafactory(config: NativeConfig, data: dict[str, Any]) -> Iterator[NativeHit]:
    """A method that it does not know is passed over."""
    method = data.get("quantization_method")
    named = isinstance(method, str) and method not in METHODS and method != "bitsandbytes" and "$" not in method
    if data.get("quantization_bit") and named and since("0.9.3", config):
        message = f"no quantization method is called {method}: the base is loaded in 16 bits"
        yield NativeHit(("quantization_method",), message, "quantization_method: bnb")
