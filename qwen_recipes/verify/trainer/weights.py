"""Which weights are trained, in what they are held, and what the base model's are."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

ADAPTER_PARTS = ("lora_", "modules_to_save", ".v_head.", "v_head.")
EXPERT = re.compile(r"(?P<experts>.+\.experts)\.(?P<number>\d+)\.(?P<part>gate|up|down)_proj\.weight")
"""A weight of one expert, as released checkpoints name it."""
HASHED = 2 << 30
"""Bytes: of a larger model no digest is made."""


def observe_weights(trainer: Any) -> dict[str, Any]:
    """Trainable tensors by name; dtypes of the frozen ones; a digest of the base model."""
    named = list(trainer.model.named_parameters())
    trainable = {name: weight for name, weight in named if weight.requires_grad}
    return {
        "trainable": {name: describe_tensor(weight) for name, weight in trainable.items()},
        "trainable_numbers": sum(weight.numel() for weight in trainable.values()),
        "frozen_dtypes": dict(Counter(name_dtype(weight) for _, weight in named if not weight.requires_grad)),
        "buffers": dict(Counter(name_dtype(buffer) for _, buffer in trainer.model.named_buffers())),
        "base": compute_base_digest(trainer.model),
        "quantization": _describe_quantization(trainer.model),
    }


def describe_tensor(weight: Any) -> dict[str, Any]:
    """Shape and dtype."""
    return {"shape": list(weight.shape), "dtype": name_dtype(weight)}


def name_dtype(weight: Any) -> str:
    """`float32`, `bfloat16` …"""
    return str(weight.dtype).removeprefix("torch.")


def compute_digest(tensors: Iterable[tuple[str, Any]]) -> str:
    """SHA-256 over name, a zero byte and the values as float32 in the machine's order, for each tensor by name.

    The weights of a layer's experts have the name and the order of the fused weights that transformers 5 makes of them.
    """
    found, by_name = hashlib.sha256(), dict(tensors)
    for name, members in group_experts(by_name):
        found.update(name.encode() + b"\0")
        for member in members:
            found.update(memoryview(by_name[member].detach().float().cpu().contiguous().numpy()).cast("B"))
    return found.hexdigest()


def group_experts(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Names of weights in order, those of single experts under the name of the fused weight that holds them.

    Fused, `gate_up_proj` is each expert's gate and then its up, `down_proj` each expert's down.
    """
    found: dict[str, list[tuple[int, bool, str]]] = {}
    for name in names:
        expert = EXPERT.fullmatch(name)
        if expert is None:
            found[name] = [(0, False, name)]
        else:
            fused = f"{expert['experts']}.{'down' if expert['part'] == 'down' else 'gate_up'}_proj"
            found.setdefault(fused, []).append((int(expert["number"]), expert["part"] == "up", name))
    return [(fused, [name for _, _, name in sorted(members)]) for fused, members in sorted(found.items())]


def compute_base_digest(model: Any) -> dict[str, Any] | None:
    """Digest of the weights that are no adapter's, under the names of a checkpoint; None where they are too many."""
    kept = [(strip_wrappers(name), weight) for name, weight in model.named_parameters() if is_base(name)]
    if sum(weight.numel() * 4 for _, weight in kept) > HASHED:
        return None
    return {
        "tensors": len(kept),
        "sha256": compute_digest(kept),
        "absolute_sum": sum_absolute_values(w for _, w in kept),
    }


def is_base(name: str) -> bool:
    """Whether a parameter belongs to the base model."""
    return not any(part in name for part in ADAPTER_PARTS)


def strip_wrappers(name: str) -> str:
    """A parameter's name without what adapters and wrappers add to it."""
    bare = name.removeprefix("pretrained_model.").removeprefix("base_model.model.")
    return bare.replace(".base_layer.", ".").replace(".original_module.", ".")


def sum_absolute_values(tensors: Iterable[Any]) -> float:
    """The sum of all absolute values."""
    return float(sum(tensor.detach().float().abs().sum().item() for tensor in tensors))


def _describe_quantization(model: object) -> object:
    config = getattr(getattr(model, "config", None), "quantization_config", None)
    return None if config is None else str(config)
