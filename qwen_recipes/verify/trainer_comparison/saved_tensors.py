"""Digests of saved tensors, as the observation makes them of a trainer's: of a model's folder, or an adapter's."""

from __future__ import annotations

import array
import hashlib
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.filesystem.regular_file import open_regular_file
from qwen_recipes.sizes import format_bytes
from qwen_recipes.verify.trainer.weights import group_experts

MAX_BYTES = 2 << 30
"""Of larger files no digest is made."""


@dataclass(frozen=True)
class _SavedTensor:
    """Where a tensor lies in a file of safetensors: from `start` to `end`, in bytes."""

    file: Path
    dtype: str
    start: int
    end: int


def digest_model(folder: Path) -> str:
    """The digest of a model's folder, whether its weights are in one file or in several. Raises as `digest_tensors`."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ValueError("the folder has no safetensors")
    return _digest_files(files, lambda name: True)


def digest_tensors(file: Path, keep: Callable[[str], bool]) -> str:
    """SHA-256 over name, a zero byte and the values as little-endian float32, for each kept tensor by name.

    Raises OSError, or ValueError where the file is too large or holds another type than 16- and 32-bit floats.
    """
    return _digest_files([file], keep)


def _digest_files(files: Sequence[Path], keep: Callable[[str], bool]) -> str:
    if sum(file.stat().st_size for file in files) > MAX_BYTES:
        raise ValueError(f"{files[0].name} is larger than {format_bytes(MAX_BYTES)}")
    tensors = {name: tensor for file in files for name, tensor in _list_tensors(file) if keep(name)}
    found = hashlib.sha256()
    for name, members in group_experts(tensors):
        found.update(name.encode() + b"\0")
        for member in members:
            found.update(_read_tensor(tensors[member]))
    return found.hexdigest()


def _list_tensors(file: Path) -> Iterator[tuple[str, _SavedTensor]]:
    with open_regular_file(file) as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    for name, tensor in header.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            yield name, _SavedTensor(file, tensor["dtype"], 8 + length + start, 8 + length + end)


def _read_tensor(tensor: _SavedTensor) -> bytes:
    with open_regular_file(tensor.file) as stream:
        stream.seek(tensor.start)
        return _to_float32(stream.read(tensor.end - tensor.start), tensor.dtype)


def _to_float32(raw: bytes, dtype: str) -> bytes:
    if dtype == "F32":
        return raw
    if dtype == "BF16":
        wide = bytearray(2 * len(raw))
        wide[2::4], wide[3::4] = raw[::2], raw[1::2]
        return bytes(wide)
    if dtype == "F16":
        return array.array("f", struct.unpack(f"<{len(raw) // 2}e", raw)).tobytes()
    raise ValueError(f"no digest of {dtype} tensors")
