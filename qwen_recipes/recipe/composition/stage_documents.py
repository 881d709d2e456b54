"""The stages of a recipe, each with the recipe that it trains by."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.finding import Route
from qwen_recipes.recipe.spec.stages import Merge
from qwen_recipes.yaml_text.nodes import Document, Node


@dataclass(frozen=True)
class MergeInput:
    """An adapter or a model of a merge: its folder, or a base's hub id, its weight, and where it is written."""

    folder: str
    weight: float
    model: tuple[str, str]
    """Id and `like` of the model that an adapter is for, or that a model is."""
    route: Route


@dataclass(frozen=True)
class StageDocument:
    """One stage: the recipe that it trains by, or, with `merge`, that of the first stage whose result is merged.

    `output` is its folder, relative to the recipe; `inputs` are what is merged, `base` what the models came from.
    """

    name: str
    document: Document
    output: str
    merge: Merge | None = None
    inputs: tuple[MergeInput, ...] = ()
    base: MergeInput | None = None
    run: Node | None = None
    """The `run` of a stage that merges."""
