"""Where templates and schemas lie: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def find_package_data(folder: str) -> Path:
    """The folder `templates`, `schemas` or `presets` that belongs to this installation."""
    inside = _PACKAGE / "_shipped" / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder
