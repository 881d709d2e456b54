"""What the end of a model's name says of how its weights are stored: `-bnb-4bit`, `-AWQ`, `-GPTQ-Int8`, `-FP8`."""

from __future__ import annotations

import re

from qwen_recipes.qwen.facts import CheckpointQuantization

_ENDS = re.compile(
    r"(?:[-_.](?:unsloth|bnb|mlx|fp8|awq|gptq|gguf|marlin|int[48]|[48]bit|w[48]a(?:8|16)|dynamic|block|static|g128|"
    r"mxfp4|nvfp4|quantized))+$"
)
_METHODS = (
    ("mlx", "mlx", 4),
    ("bnb", "bitsandbytes", 4),
    ("awq", "awq", 4),
    ("gptq", "gptq", 4),
    ("gguf", "gguf", 4),
    ("nvfp4", "nvfp4", 4),
    ("mxfp4", "mxfp4", 4),
    ("fp8", "fp8", 8),
    ("w4a", "compressed-tensors", 4),
    ("w8a", "compressed-tensors", 8),
    ("bit", "bitsandbytes", 4),
    ("int", "compressed-tensors", 4),
)
"""A part of the end, the method that it stands for and its usual bits; the first that is there counts."""
_BITS = re.compile(r"int([48])|([48])bit")


def strip_quantization(name: str) -> str:
    """A model's name in lower case without the end that says how it is quantized."""
    return _ENDS.sub("", name.rstrip("/").lower())


def find_named_quantization(name: str) -> CheckpointQuantization | None:
    """How the weights of a repository are stored, by the end of its name; None where it tells nothing."""
    whole = name.rstrip("/").lower()
    end = whole[len(strip_quantization(whole)) :] + ("-mlx" if whole.startswith("mlx-community/") else "")
    for part, method, usual in _METHODS:
        if part in end:
            stated = _BITS.search(end)
            bits = int(stated[1] or stated[2]) if stated else usual
            return CheckpointQuantization(method, bits, double=method == "bitsandbytes" and bits == 4)
    return None
