"""Whether a recipe has a sweep: all that loading a recipe without one needs to know."""

from __future__ import annotations

from qwen_recipes.yaml_text.nodes import Document, Mapping

SWEEP = "sweep"
BEST_LINK = "best"
"""In the folder of a sweep, a link to the folder of its best trial."""


def has_sweep(document: Document) -> bool:
    """Whether the recipe has a sweep."""
    return isinstance(document.root, Mapping) and SWEEP in document.root.entries
