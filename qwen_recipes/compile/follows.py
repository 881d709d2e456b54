"""Native keys whose value follows from a field of the recipe, found by leaving the field out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from qwen_recipes.backends.base import Output
from qwen_recipes.compile.default import without
from qwen_recipes.compile.prove import BadOutput, parse
from qwen_recipes.compile.render import NoWord, Renderer
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.load import Loaded
from qwen_recipes.resolve import resolve

_REQUIRED = ("version", "name", "model", "data.train", "backends", "allow", "run")
"""Fields that can't be left out, or that no native key follows from in ways that are not printed."""


def follows(renderer: Renderer, loaded: Loaded, output: Output, keys: Iterable[str]) -> dict[str, str]:
    """Those of the native `keys` that the config would say otherwise without a field the person wrote, with the field.

    A value need not be printed from the field: `lora_alpha` is twice a rank, a switch may hang on two fields.
    """
    wanted, said = list(keys), parse(output, renderer.render(output))
    found: dict[str, str] = {}
    for field, other in _others(renderer, loaded, output) if wanted else ():
        for key in wanted:
            if said.get(key) != other.get(key):
                found.setdefault(key, field)
    return found


def _others(renderer: Renderer, loaded: Loaded, output: Output) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field that can be left out, and the config without it."""
    for field in sorted(renderer.plan.asked):
        if field.startswith(_REQUIRED):
            continue
        try:
            recipe = without(loaded.recipe, field.replace("[]", "").split("."))
            plan = resolve(replace(loaded, recipe=recipe), renderer.backend)
            text = Renderer(plan, renderer.backend, renderer.where).render(output)
            yield field, parse(output, text)
        except (RecipeError, NoWord, BadOutput):
            continue
