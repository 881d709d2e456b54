"""Presets: recipes with published settings, shipped with this package."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.package_data import find_package_data

PRESET_PREFIX = "preset "
"""How a preset is named where a file would be."""


def list_presets() -> list[str]:
    """The names that `extends` takes, in order."""
    return sorted(file.stem for file in find_package_data("presets").glob("*.yaml"))


def get_preset_file(name: str) -> Path | None:
    """The file of a preset, or None where there is none of this name."""
    return find_package_data("presets") / f"{name}.yaml" if name in list_presets() else None
