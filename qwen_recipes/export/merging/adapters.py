"""Saved LoRA and DoRA adapters: their factors by the name of the weight that they change."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from .read_config import MergeError, read_config

WEIGHTS_FILE = "adapter_model.safetensors"
_PREFIX = re.compile(r"^base_model\.model\.")
_FACTOR = re.compile(r"^(?P<module>.+)\.lora_(?P<part>A|B|embedding_A|embedding_B|magnitude_vector)(\.weight)?$")
_SAVED = re.compile(r"\.(modules_to_save|original_module)(\.default)?\.")


@dataclass
class Factors:
    """The update of a weight of shape (out, in): `scale * B @ A`; of an embedding, its transpose.

    `a` has shape (rank, in), `b` (out, rank), DoRA's `magnitude` (out,).
    """

    a: Tensor | None = None
    b: Tensor | None = None
    scale: float = 1.0
    magnitude: Tensor | None = None
    embedding: bool = False
    rank: int = 0
    """Of one expert, where `a` and `b` hold those of all experts."""

    def compute_update(self) -> Tensor:
        """The update in float32, of the weight's shape: (out, in); of one expert where weights are fused."""
        assert self.a is not None and self.b is not None
        update = self.b.float() @ self.a.float() * self.scale
        return update.T if self.embedding else update


@dataclass
class Adapter:
    """An adapter: factors by module, whole weights by name, and its config."""

    folder: Path
    config: dict[str, Any]
    weight: float
    factors: dict[str, Factors] = field(default_factory=dict)
    whole: dict[str, Tensor] = field(default_factory=dict)

    @property
    def uses_dora(self) -> bool:
        """Whether it has magnitudes."""
        return any(one.magnitude is not None for one in self.factors.values())


def read_adapter(folder: Path, weight: float) -> Adapter:
    """The adapter in a folder; `weight` is the factor of its update in the sum. Raises MergeError."""
    config = read_config(folder / "adapter_config.json")
    if str(config.get("peft_type", "LORA")).upper() != "LORA":
        raise MergeError(f"{folder} holds a {config['peft_type']} adapter; only LoRA and DoRA adapters can be merged")
    for key in ("fan_in_fan_out", "alora_invocation_tokens", "use_qalora", "lora_bias"):
        if config.get(key):
            raise MergeError(f"{folder}: adapters with `{key}` cannot be merged here")
    if str(config.get("bias", "none")) != "none":
        raise MergeError(f"{folder}: adapters that train biases cannot be merged here")
    adapter = Adapter(folder, config, weight)
    for name, tensor in _iter_whole_tensors(folder):
        _add_tensor(adapter, _PREFIX.sub("", name), tensor)
    for module, one in adapter.factors.items():
        if one.a is None or one.b is None:
            there, missing = ("lora_B", "lora_A") if one.a is None else ("lora_A", "lora_B")
            raise MergeError(f"{folder}: the adapter is damaged: {module} has {there} but no {missing}")
        one.rank = int(_find_pattern(config.get("rank_pattern"), module, config.get("r") or one.a.shape[0]))
        one.scale = _compute_scale(config, module, one.rank)
    return adapter


def _iter_whole_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """As `_iter_tensors`; of the shards beside them where ZeRO-3 left empty tensors in the file."""
    for name, tensor in _iter_tensors(folder):
        if tensor.numel():
            yield name, tensor
        elif any(folder.glob("global_step*")):
            from .sharded import read_sharded_weights

            yield from read_sharded_weights(folder)
            return
        else:
            raise MergeError(
                f"{folder / WEIGHTS_FILE}: {name} is empty, as ZeRO-3 leaves weights that it did not gather; merge a "
                "checkpoint, which has them in its folder global_step…"
            )


def _iter_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    file = folder / WEIGHTS_FILE
    if not file.is_file():
        from .sharded import read_sharded_weights

        yield from read_sharded_weights(folder)
        return
    try:
        with safe_open(str(file), framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - not a dict
                yield name, opened.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise MergeError(f"{file} is damaged: {error}") from None


def _add_tensor(adapter: Adapter, name: str, tensor: Tensor) -> None:
    found = _FACTOR.match(name.replace(".default", ""))
    if found is None:
        if ".base_layer." not in name:  # PEFT saves the frozen base of adapted embeddings and heads too
            adapter.whole[_SAVED.sub(".", name)] = tensor
        return
    one = adapter.factors.setdefault(found["module"], Factors())
    part = found["part"]
    one.embedding = one.embedding or part.startswith("embedding")
    if part == "magnitude_vector":
        one.magnitude = tensor
    elif part.endswith("A"):
        one.a = tensor
    else:
        one.b = tensor


def _compute_scale(config: dict[str, object], module: str, rank: int) -> float:
    """`alpha / rank`, or by the root of the rank; some modules may have an alpha of their own."""
    alpha = float(_find_pattern(config.get("alpha_pattern"), module, config.get("lora_alpha") or 8))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _find_pattern(patterns: Any, module: str, default: Any) -> Any:
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default
