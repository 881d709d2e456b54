"""The plain parts take exactly what the spec's models take, and hold the same: nothing can drift apart."""

from __future__ import annotations

import copy
import math
import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from qwen_recipes.recipe import parts, spec
from qwen_recipes.recipe.field_index import find_field_info, index_fields
from qwen_recipes.recipe.field_kinds import InvalidValueError, parse_part
from qwen_recipes.recipe.part import RecipePart, convert_to_data, find_written_fields
from qwen_recipes.recipe.spec_to_parts import convert_spec_to_parts
from qwen_recipes.yaml_text.nodes import plain_data
from qwen_recipes.yaml_text.reader import read_yaml
from tests.conftest import BASE, ROOT, deep_merge, nest_value
from tests.unit.recipe.test_spec import test_limits as limits

NO = "misfit"
QUICK = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


def by_models(data):
    try:
        return convert_spec_to_parts(spec.Recipe.model_validate(copy.deepcopy(data)))
    except ValidationError:
        return NO


def by_parts(data):
    try:
        return parse_part(parts.Recipe, copy.deepcopy(data))
    except InvalidValueError:
        return NO


def kinds_of(value):
    """A part with the type of every value in it: 1 and 1.0 and true are not the same."""
    if isinstance(value, RecipePart):
        return {name: kinds_of(inner) for name, inner in value.__dict__.items()}
    if isinstance(value, dict):
        return {name: kinds_of(inner) for name, inner in value.items()}
    return [kinds_of(item) for item in value] if isinstance(value, list) else type(value)


def same(data):
    """Holds a recipe against both; what they made of it."""
    ours, theirs = by_parts(data), by_models(data)
    assert ours == theirs, data
    assert kinds_of(ours) == kinds_of(theirs), data
    if ours is not NO:
        assert find_written_fields(ours) == find_written_fields(theirs)
    return ours


FILES = sorted([*(ROOT / "examples").rglob("*.yaml"), *(ROOT / "tests/conformance/recipes").glob("*.yaml")])
CASES = [
    pytest.param(case["recipe"], id=f"{file.stem}: {case['name']}")
    for file in sorted((ROOT / "tests/guards").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text("utf-8"))["cases"]
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_recipe_in_a_file(file):
    data = plain_data(read_yaml(file.read_bytes(), file.name).root)
    same(data)


@pytest.mark.parametrize("recipe", CASES)
def test_every_case_of_a_guard(recipe):
    assert same(deep_merge(BASE, recipe)) is not NO


BOUNDS = [case for mark in limits.pytestmark for case in mark.args[1]]


@pytest.mark.parametrize(("path", "value"), BOUNDS)
def test_what_neither_takes(path, value):
    assert same(deep_merge(BASE, nest_value(path, value))) is NO


ODD = [None, True, False, 0, 1, -1, 1.0, 0.5, 4, 4.0, 1e300, math.nan, math.inf, 2**32, 10**30, "", "x", "auto", "1",
       "QR101", "me/it", "a\n", "é/ü", [], ["x"], [1], [True], [None], {}, {"x": 1}, {"type": "lora"}, {"path": "a"},
       {"id": "x"}, {"QR101": "because"}, {"axolotl": {"extra": {"a": None}}}, [0.9, 0.99], [0, 0],
       "epoch"]  # fmt: skip
STEPS = [re.split(r"\[\]|\.\*", path)[0].split(".") for path in index_fields()]
PATHS = sorted({".".join(steps[:depth]) for steps in STEPS for depth in (1, 2, 3)})


@pytest.mark.parametrize("path", PATHS)
def test_every_field_with_every_odd_value(path):
    for value in ODD:
        whole, head = nest_value(path, value), path.split(".")[0]
        inside = _over(BASE[head], whole[head]) if head in BASE and path != head else whole[head]
        same({**BASE, head: inside})


def _over(base, changes):
    return {**base, **changes} if isinstance(base, dict) and isinstance(changes, dict) else changes


def near(path):
    """Values at and beside what a field takes: its example, its bounds, and the odd ones."""
    info = find_field_info(tuple(path.replace("[]", "").split(".")))
    edges = [getattr(mark, name) for mark in info.metadata for name in ("ge", "gt", "le", "lt") if hasattr(mark, name)]
    about = [edge + step for edge in edges for step in (-1, -0.5, 0, 0.5, 1)]
    return st.sampled_from([info.examples[0], *about, *map(str, about), *ODD])


RECIPES = st.lists(st.sampled_from([p for p in index_fields() if "*" not in p and "[]" not in p]), max_size=8).flatmap(
    lambda chosen: st.tuples(*(st.tuples(st.just(path), near(path)) for path in chosen))
)


@given(RECIPES)
@QUICK
def test_recipes_at_random(chosen):
    data = copy.deepcopy(BASE)
    for path, value in chosen:
        data = deep_merge(data, nest_value(path, value))
    same(data)


JSON = st.recursive(
    st.sampled_from(ODD) | st.text(max_size=5) | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "hub", "type", "x"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(parts.Recipe.kinds)), JSON))
@QUICK
def test_maps_at_random(changes):
    same({**BASE, **changes})


def test_a_part_says_what_was_written_and_does_not_change():
    made = by_parts({**BASE, "method": "qlora", "training": {"epochs": 3}})
    assert made.training.written_keys == ("epochs",)
    assert made.training.steps is None
    assert made.chat is None
    assert repr(made.training) == "Training(epochs=3.0)"
    assert convert_to_data(made.with_values(training=None))["method"] == {"type": "qlora"}
    with pytest.raises(AttributeError):
        made.training.epochs = 4
    with pytest.raises(AttributeError):
        del made.training.epochs
