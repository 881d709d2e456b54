"""Digests of saved tensors, as the observation makes them of a trainer's: of a model's folder, or an adapter's."""

from __future__ import annotations

import array
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

from qwen_recipes.filesystem.read_file import open_file
from qwen_recipes.sizes import format_bytes

MAX_BYTES = 2 << 30
"""Of larger files no digest is made."""


def digest_tensors(file: Path, keep: Callable[[str], bool]) -> str:
    """SHA-256 over name, a zero byte and the values as little-endian float32, for each kept tensor by name.

    Raises OSError, or ValueError where the file is too large or holds another type than 16- and 32-bit floats.
    """
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{file.name} is larger than {format_bytes(MAX_BYTES)}")
    with open_file(file) as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        found = hashlib.sha256()
        for name in sorted(name for name in header if name != "__metadata__" and keep(name)):
            start, end = header[name]["data_offsets"]
            stream.seek(8 + length + start)
            found.update(name.encode() + b"\0")
            found.update(_to_float32(stream.read(end - start), header[name]["dtype"]))
    return found.hexdigest()


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
