"""Pydantic's validator of a recipe, made from the core schema that `core_schema.json` stores.

Pydantic takes ten times as long to build that schema from the models as to read it. The file has what it built,
without what only JSON Schema needs.
"""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from pydantic import VERSION
from pydantic_core import SchemaValidator

from qwen_recipes.recipe.spec import Recipe, short_forms
from qwen_recipes.recipe.spec.section import Section

FILE = Path(__file__).with_name("core_schema.json")
CLASS, FUNCTION = "$class", "$function"
"""Keys that stand in the file for a section, and for a function of `short_forms` with its first arguments."""
FIRST_VERSION, LAST_VERSION = (2, 9), (2, 14)
"""Versions of pydantic that build this core schema (tools/core_schema_file.py); any other builds its own."""


def validate_recipe(data: object) -> Recipe:
    """The recipe that `data` says. Raises pydantic's ValidationError."""
    if not FIRST_VERSION <= tuple(map(int, VERSION.split(".")[:2])) <= LAST_VERSION:
        return Recipe.model_validate(data)
    recipe: Recipe = load_validator().validate_python(data)
    return recipe


@cache
def load_validator() -> SchemaValidator:
    """The validator of the stored core schema."""
    return SchemaValidator(json.loads(FILE.read_text("utf-8"), object_hook=_find_named))


def _find_named(node: dict[str, Any]) -> object:
    """The class or function that a node names; any other node as it is."""
    if CLASS in node:
        return next(section for section in Section.__subclasses__() if section.__name__ == node[CLASS])
    if FUNCTION in node:
        name, *arguments = node[FUNCTION]
        return partial(getattr(short_forms, name), *arguments)
    return node
