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
    """The recipe with its examples' lengths where it packs them; as it is where they are known or can't be measured.

    Where packing is left open only a lock's lengths count: compiling stays fast, and gives the same without the rows.
    """
    t = loaded.recipe.training
    return _with_lengths(loaded, backend, needed=t is not None and bool(t.packing))


def with_lengths_to_lock(loaded: LoadedRecipe, backend: Backend) -> LoadedRecipe:
    """The recipe with its examples' lengths, of the longer answer where there are two; as it is where answers are still
    to be generated.
    """
    objective = loaded.recipe.objective
    return _with_lengths(loaded, backend, needed=objective is None or objective.type not in ("grpo", "ppo"))


def _with_lengths(loaded: LoadedRecipe, backend: Backend, *, needed: bool) -> LoadedRecipe:
    if loaded.lengths is not None or not needed:
        return loaded
    return replace(loaded, lengths=measure_lengths(loaded, backend))


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
    return summarize_lengths(found.histogram.rows.elements(), complete=found.complete) if found is not None else None
