"""Unsloth's sections, which fields of the recipe fill: `extra` may say nothing else there."""

from __future__ import annotations

KEYS_BY_FIELD: dict[str, tuple[str, ...]] = {
    "model.id": ("model",),
    "data.train": ("data",),
    "training.epochs": ("training",),
    "method.rank": ("lora",),
    "tracking.to": ("logging",),
}
"""Native keys by the field of the recipe to use in their place."""
