"""Recipes that the frameworks' parsers read: together they use every field of the spec and every word it may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pytest

from qwen_recipes.backends import load_backends
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.field_index import find_field_info, find_section_class, index_fields
from qwen_recipes.recipe.load import LoadedRecipe, load_recipe
from qwen_recipes.recipe.spec.model_and_data import Encoding
from qwen_recipes.recipe.spec.section import Section

ROOT = Path(__file__).parents[3]
RECIPES = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "tests/conformance/recipes").glob("*.yaml")])
OTHER_ENCODINGS = [word for word in get_args(Encoding) if word != "latin-1"]
OMITTED = {
    ("objective.type", "ppo"): "no backend can be told so",
    **{("data.train[].encoding", word): "read in tests/unit/data/test_encodings.py" for word in OTHER_ENCODINGS},
}
"""What no recipe uses, and why."""
OMITTED_FIELDS = {
    "extends": "what it compiles to is the same without it: tests/unit/recipe/composition",
    "stages": "each is a recipe of its own: tests/unit/recipe/composition/test_stages.py",
    **{
        path: "expands to recipes without it: tests/unit/recipe/composition"
        for path in index_fields()
        if path.startswith("sweep.")
    },
    "model.source": "a model on ModelScope, which the parser would look for: tests/conformance/test_modelscope.py",
    "method.start_from_revision": "an adapter on the hub: tests/conformance/test_hub_training.py",
    "model.like": "a model on the hub, which parsers would look for: tests/unit/qwen/test_hub.py",
}
"""Fields that no recipe uses, and where they are tested."""


@cache
def recipes() -> dict[str, LoadedRecipe]:
    return {path.stem: load_recipe(str(path)) for path in RECIPES}


def values(section: Section, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every field that was written, by its dotted path, with what was written."""
    for name in section.model_fields_set:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from values(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Section):
            yield f"{prefix}{name}", value
            for item in value:
                yield from values(item, f"{prefix}{name}[].")
        elif name == "backends":
            for options in value.values():
                yield from values(options, "backends.*.")
        else:
            yield f"{prefix}{name}", value


@cache
def used() -> dict[str, set[Any]]:
    """Values by field, over all recipes; a list's items one by one."""
    found: dict[str, set[Any]] = {}
    for loaded in recipes().values():
        for path, value in values(loaded.recipe):
            items = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
            found.setdefault(path, set()).update(item for item in items if isinstance(item, (str, int, float, bool)))
    return found


def words(annotation: object) -> Iterator[Any]:
    """Every literal of an annotation, and both truth values where it takes one."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif annotation is bool:
        yield from (True, False)
    elif annotation is not NoneType and not (isinstance(annotation, type) and issubclass(annotation, Section)):
        for inner in get_args(annotation):
            yield from words(inner)


def enumerated() -> list[tuple[str, Any]]:
    pairs = []
    for path in index_fields():
        if path.startswith("sweep.") or path in OMITTED_FIELDS:
            continue
        info = find_field_info(tuple(re.sub(r"\[\]|\.\*", "", path).split(".")))
        if info is not None and find_section_class(info.annotation) is None:
            pairs += [(path, word) for item in (info.annotation, *info.metadata) for word in words(item)]
    return list(dict.fromkeys(pairs))


def test_there_are_enough() -> None:
    assert len(RECIPES) >= 60
    assert len({path.stem for path in RECIPES}) == len(RECIPES)


@pytest.mark.parametrize("path", [path for path in index_fields() if path not in OMITTED_FIELDS])
def test_field_is_used(path: str) -> None:
    assert path in used()


@pytest.mark.parametrize(("path", "word"), enumerated())
def test_word_is_used(path: str, word: Any) -> None:
    here = {value for value in used()[path] if type(value) is type(word)}
    assert (word in here) != ((path, word) in OMITTED), OMITTED.get((path, word), f"no recipe says `{path}: {word}`")


def test_omissions_are_still_words() -> None:
    assert {pair for pair in OMITTED if len(pair) == 2} <= set(enumerated())


@pytest.mark.parametrize("name", recipes())
def test_recipe_compiles_for_a_backend(name: str) -> None:
    able, said = [], []
    for backend in load_backends():
        try:
            compile_recipe(recipes()[name], backend, ROOT / "compiled" / name / backend.name)
            able.append(backend.name)
        except RecipeError as error:
            said += [f"{backend.name}: {f.message}" for f in error.findings if f.severity == "error"]
    assert able, said
    asked = recipes()[name].recipe.run
    assert asked is None or asked.backend is None or asked.backend in able, said


@pytest.mark.parametrize("path", [path for path in RECIPES if path.parent.name == "examples"], ids=lambda p: p.stem)
def test_example_says_whom_it_is_for(path: Path) -> None:
    first, second, *_ = path.read_text("utf-8").split("\n")
    assert first == "# yaml-language-server: $schema=../schemas/recipe.schema.json"
    assert second.startswith("# ") and len(second) > 20
