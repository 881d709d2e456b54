"""Lengths of a recipe's examples, measured where a choice depends on them and its lock does not say them."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.backends.base import Backend
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.example_lengths import ExampleLengths, summarize_lengths
from qwen_recipes.recipe.load import LoadedRecipe

MAX_ROWS = 2_000
"""Rows that are measured: some tenths of a second."""


def with_measured_lengths(loaded: LoadedRecipe, backend: Backend) -> LoadedRecipe:
    """The recipe with its examples' lengths; as it is where no choice depends on them, or they can't be measured."""
    if loaded.lengths is not None or not depends_on_lengths(loaded):
        return loaded
    return replace(loaded, lengths=measure_lengths(loaded, backend))


def depends_on_lengths(loaded: LoadedRecipe) -> bool:
    """Whether examples are packed, or might be: a GPU is named and settings are chosen for speed."""
    t, h, o = loaded.recipe.training, loaded.recipe.hardware, loaded.recipe.objective
    if t is not None and t.packing:
        return True
    named = h is not None and h.gpu is not None and h.device != "cpu" and h.prefer == "speed"
    return named and (o is None or o.type in (None, "sft", "pretrain"))


def measure_lengths(loaded: LoadedRecipe, backend: Backend) -> ExampleLengths | None:
    """Lengths of the first examples; None where rows are on the hub or missing, or no tokenizer is installed."""
    from qwen_recipes.data.sample_lengths import sample_lengths
    from qwen_recipes.resolve.resolve import resolve

    try:
        plan = resolve(loaded, backend)
    except RecipeError:
        return None
    try:
        found = sample_lengths(plan, loaded.folder, MAX_ROWS)
    except RecipeError:
        return None
    return summarize_lengths(found.rows.elements()) if found is not None else None
