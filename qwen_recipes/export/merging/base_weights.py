"""The base model's weights, one tensor at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from .missing_base import explain_missing_base
from .read_config import MergeError, read_config

MAX_SHARD_BYTES = 2 * 1024**3
"""A shard of the merged model holds about so many bytes, and that much of it is in memory at a time."""
_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class StoredTensor:
    """Where a weight lies, and its size."""

    name: str
    file: Path
    bytes: int


def find_base_folder(base: str, revision: str | None) -> Path:
    """The base model's folder: as it is, else from the hub's cache, else downloaded. Raises MergeError."""
    if Path(base).is_dir():
        return Path(base)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(base, revision=revision, ignore_patterns=["*.bin", "*.pth", "*.gguf"]))
    except Exception as error:  # the client raises errors of its own, of its HTTP library and of the system
        raise MergeError(explain_missing_base(base, revision, error)) from None


def list_stored_tensors(folder: Path) -> list[StoredTensor]:
    """Every weight of a model, in the order of its files. Raises MergeError."""
    index = folder / "model.safetensors.index.json"
    files = sorted(folder.glob("model*.safetensors"))
    if index.is_file():
        wanted = set(read_config(index)["weight_map"].values())
        if missing := sorted(wanted - {file.name for file in files}):
            raise MergeError(f"{folder} is incomplete: {', '.join(missing)} is missing")
        files = [file for file in files if file.name in wanted]
    if not files:
        raise MergeError(f"{folder} has no model.safetensors")
    return [one for file in files for one in _list_file(file)]


def _list_file(file: Path) -> list[StoredTensor]:
    try:
        with safe_open(str(file), framework="pt") as opened:
            names = list(opened.keys())
    except (SafetensorError, OSError) as error:
        raise MergeError(f"{file} is damaged: {error}") from None
    with file.open("rb") as raw:
        head = json.loads(raw.read(int.from_bytes(raw.read(8), "little")))
    return [StoredTensor(name, file, head[name]["data_offsets"][1] - head[name]["data_offsets"][0]) for name in names]


def group_by_size(targets: list[tuple[str, StoredTensor]], most: int) -> list[list[tuple[str, StoredTensor]]]:
    """Weights by their name in the merged model, in shards of at most `most` bytes, or of one weight that is larger."""
    groups: list[list[tuple[str, StoredTensor]]] = [[]]
    size = 0
    for name, one in targets:
        if groups[-1] and size + one.bytes > most:
            groups.append([])
            size = 0
        groups[-1].append((name, one))
        size += one.bytes
    return groups


def read_tensor(one: StoredTensor) -> Tensor:
    """A copy of a weight in memory, in the file's shape and dtype; the file is closed, and its pages can be freed."""
    with safe_open(str(one.file), framework="pt") as opened:
        return opened.get_tensor(one.name).clone()


def dequantize(name: str, weight: Tensor, quantization: dict[str, object]) -> Tensor:
    """A linear layer's weight (out, in), dequantized as bitsandbytes does; others unchanged. Raises MergeError."""
    module = name.removesuffix(".weight").rpartition(".")[2]
    if module not in _PROJECTIONS or (".experts." in name and not quantization.get("experts")):
        return weight
    if quantization["bits"] != 4:
        raise MergeError("only 4-bit bases can be dequantized: use `into: base`")
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    stored, state = quantize_4bit(
        weight.contiguous(),
        blocksize=64,
        compress_statistics=quantization["double"],
        quant_type=quantization["type"],
    )
    restored: Tensor = dequantize_4bit(stored, state)
    return restored.to(weight.dtype)
