"""What the end of a model's name says of how its weights are stored: `-bnb-4bit`, `-AWQ`, `-GPTQ-Int8`, `-FP8`."""

from __future__ import annotations

import re

from qwen_recipes.qwen.facts import CheckpointQuantization

_ENDS = re.compile(
    r"(?:[-_.](?:unsloth|bnb|mlx|fp8|awq|gptq|gguf|marlin|int[2-8]|[2-8]bits?|w[48]a(?:4|8|16)|dynamic|block|static|g\d+|"
    r"gs\d+|mxfp[48]|nvfp4|fp4|nf4|quantized|hqq|exl[23]|\d+(?:\.\d+)?bpw|aqlm|autoround|auto-round|torchao|eetq|quanto|"
    r"i?q\d_[a-z0-9_]+))+$"
)
_METHODS = (
    ("mlx", "mlx", 4),
    ("bnb", "bitsandbytes", 4),
    ("awq", "awq", 4),
    ("gptq", "gptq", 4),
    ("gguf", "gguf", 4),
    ("nvfp4", "nvfp4", 4),
    ("mxfp4", "mxfp4", 4),
    ("fp4", "nvfp4", 4),
    ("nf4", "bitsandbytes", 4),
    ("hqq", "hqq", 4),
    ("exl", "exllama", 4),
    ("bpw", "exllama", 4),
    ("aqlm", "aqlm", 2),
    ("round", "auto-round", 4),
    ("torchao", "torchao", 4),
    ("eetq", "eetq", 8),
    ("quanto", "quanto", 8),
    ("fp8", "fp8", 8),
    ("w4a", "compressed-tensors", 4),
    ("w8a", "compressed-tensors", 8),
    ("bit", "bitsandbytes", 4),
    ("int", "compressed-tensors", 4),
)
"""A part of the end, the method that it stands for and its usual bits; the first that is there counts."""
_GGUF_FILE = re.compile(r"[-_.]i?q\d_[a-z0-9_]+$")
_BITS = re.compile(r"int([2-8])|([2-8])bit")


def strip_quantization(name: str) -> str:
    """A model's name in lower case without the end that says how it is quantized."""
    return _ENDS.sub("", name.rstrip("/").lower())


def find_named_quantization(name: str) -> CheckpointQuantization | None:
    """How the weights of a repository are stored, by the end of its name; None where it tells nothing."""
    whole = name.rstrip("/").lower()
    end = whole[len(strip_quantization(whole)) :] + ("-mlx" if whole.startswith("mlx-community/") else "")
    if _GGUF_FILE.search(end):
        end += "-gguf"
    for part, method, usual in _METHODS:
        if part in end:
            stated = _BITS.search(end)
            bits = int(stated[1] or stated[2]) if stated else usual
            if method == "bitsandbytes" and bits not in (4, 8):
                method = "mlx"
            return CheckpointQuantization(method, bits, double=method == "bitsandbytes" and bits == 4)
    return None
