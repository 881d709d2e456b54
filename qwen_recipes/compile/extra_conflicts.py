"""Native keys whose value follows from a field of the recipe, found by leaving the field out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from qwen_recipes.backends.base import OutputFile
from qwen_recipes.compile.extra_keys import get_value
from qwen_recipes.compile.redundant_fields import remove_field
from qwen_recipes.compile.render import NoNativeValueError, Renderer
from qwen_recipes.compile.validate_output import InvalidOutputError, parse_output
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve import resolve

_FIELDS_KEPT = ("version", "name", "model", "data.train", "backends", "allow", "run")
"""Fields that can't be left out, or that no native key follows from in ways that are not printed."""


def find_indirect_conflicts(
    renderer: Renderer, loaded: LoadedRecipe, output: OutputFile, keys: Iterable[str]
) -> dict[str, str]:
    """Those of the native `keys` that the config would say otherwise without a field the person wrote, with the field.

    A value need not be printed from the field: `lora_alpha` is twice a rank, a switch may hang on two fields.
    """
    wanted, said = list(keys), parse_output(output, renderer.render(output))
    found: dict[str, str] = {}
    for field, other in _render_without_each_field(renderer, loaded, output) if wanted else ():
        for key in wanted:
            if get_value(said, key) != get_value(other, key):
                found.setdefault(key, field)
    return found


def _render_without_each_field(
    renderer: Renderer, loaded: LoadedRecipe, output: OutputFile
) -> Iterator[tuple[str, dict[str, object]]]:
    """Each field that can be left out, and the config without it."""
    for field in sorted(renderer.plan.set_fields):
        if field.startswith(_FIELDS_KEPT):
            continue
        try:
            recipe = remove_field(loaded.recipe, field.replace("[]", "").split("."))
            plan = resolve(replace(loaded, recipe=recipe), renderer.backend)
            text = Renderer(plan, renderer.backend, renderer.recipe_path, renderer.recipe_folder).render(output)
            yield field, parse_output(output, text)
        except (RecipeError, NoNativeValueError, InvalidOutputError):
            continue
