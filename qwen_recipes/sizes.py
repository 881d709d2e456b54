"""Sizes in bytes as text. Memory and disk are given in binary units everywhere."""

from __future__ import annotations

GIB = 2**30
"""Bytes of a GiB."""


def format_gib(size: float, digits: int = 1) -> str:
    """Bytes in GiB: `12.3 GiB`."""
    return f"{size / GIB:,.{digits}f} GiB"


def format_bytes(count: float) -> str:
    """Bytes in the largest binary unit up to GiB that has a whole one: `512 MiB`, `18.2 GiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
