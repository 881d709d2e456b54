"""The stored core schema is what pydantic builds of the models, and validates as they do."""

from __future__ import annotations

import copy
import json
import math
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import VERSION, ValidationError

from qwen_recipes.recipe.field_index import find_field_info, index_fields
from qwen_recipes.recipe.spec import Recipe, validator
from qwen_recipes.recipe.spec.validator import FILE, FIRST_VERSION, LAST_VERSION, validate_recipe
from tests.conftest import BASE, deep_merge, nest_value
from tools.core_schema_file import encode_node, render_core_schema


def test_the_file_is_current():
    assert FIRST_VERSION <= tuple(map(int, VERSION.split(".")[:2])) <= LAST_VERSION, (
        f"pydantic {VERSION} is not tried: run `python -m tools.core_schema_file`"
    )
    assert json.loads(FILE.read_text("utf-8")) == json.loads(render_core_schema()), "python -m tools.generate_docs"


def test_what_the_file_cannot_hold_is_refused():
    with pytest.raises(SystemExit, match="can't read"):
        encode_node({"function": print})


def test_another_pydantic_builds_its_own(monkeypatch):
    monkeypatch.setattr(validator, "VERSION", "2.99.0")
    monkeypatch.setattr(validator, "load_validator", None)
    assert validate_recipe(BASE) == Recipe.model_validate(BASE)


ODD = [None, True, False, 0, 1, -1, 1.0, 0.5, 4.0, 1e300, math.nan, math.inf, 10**30, "", "x", "auto", "1", "a\n", [],
       ["x"], [1], [None], {}, {"x": 1}, {"type": "lora"}, {"path": "a"}, {"QR101": "because"}, [0.9, 0.99],
       {"axolotl": {"extra": {"a": None}}}]  # fmt: skip
PATHS = [path for path in index_fields() if "*" not in path and "[]" not in path]


def near(path):
    """Values at and beside what a field takes."""
    info = find_field_info(tuple(path.split(".")))
    edges = [getattr(mark, name) for mark in info.metadata for name in ("ge", "gt", "le", "lt") if hasattr(mark, name)]
    about = [edge + step for edge in edges for step in (-1, -0.5, 0, 0.5, 1)]
    return st.sampled_from([info.examples[0], *about, *map(str, about), *ODD])


RECIPES = st.lists(st.sampled_from(PATHS), max_size=8).flatmap(
    lambda chosen: st.tuples(*(st.tuples(st.just(path), near(path)) for path in chosen))
)


def judge(validate, data):
    """The recipe's repr, types and all, or the errors that are found."""
    try:
        return repr(validate(copy.deepcopy(data)))
    except ValidationError as error:
        return [(problem["loc"], problem["type"], problem["msg"]) for problem in error.errors(include_url=False)]


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(RECIPES)
def test_recipes_at_random(chosen):
    data = copy.deepcopy(BASE)
    for path, value in chosen:
        data = deep_merge(data, nest_value(path, value))
    assert judge(validate_recipe, data) == judge(Recipe.model_validate, data)


def test_every_class_and_function_of_the_file_is_used():
    text = FILE.read_text("utf-8")
    assert set(re.findall(r'"\$class":"([A-Za-z]+)"', text)) == {
        section.__name__ for section in validator.Section.__subclasses__()
    }
