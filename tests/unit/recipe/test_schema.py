"""schemas/recipe.schema.json is what the models say, and says the same as they do."""

from __future__ import annotations

import json
import math
from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from qwen_recipes.recipe.file_content import load_recipes_text
from qwen_recipes.recipe.schema import build_recipe_schema
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.yaml_text.nodes import plain_data
from qwen_recipes.yaml_text.reader import read_yaml
from tests.conftest import BASE, ROOT, deep_merge, nest_value
from tests.unit.recipe.wrong_values import WRONG_VALUES

SCHEMA = build_recipe_schema()
VALID = Draft202012Validator(SCHEMA)
EXAMPLES = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "examples").glob("*/*.yaml")])


def test_the_file_is_current():
    text = (ROOT / "schemas/recipe.schema.json").read_text("utf-8")
    assert json.loads(text) == SCHEMA, "recipes schema > schemas/recipe.schema.json"
    assert text == json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].endswith("2020-12/schema")


def properties(node, path="recipe"):
    """Every property of every map in the schema."""
    if isinstance(node, dict):
        for name, inner in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            yield f"{path}.{name}", inner
        for key, inner in node.items():
            yield from properties(inner, f"{path}.{key}")


PROPERTIES = dict(properties(SCHEMA))


@pytest.mark.parametrize("path", PROPERTIES)
def test_every_property_has_a_description_and_an_example_that_holds(path):
    node = PROPERTIES[path]
    assert node["description"]
    inner = Draft202012Validator({**node, "$defs": SCHEMA["$defs"]})
    for example in node["examples"]:
        inner.validate(example)


def test_null_and_unknown_keys_are_refused():
    assert '"null"' not in json.dumps(SCHEMA)
    maps = [SCHEMA, *SCHEMA["$defs"].values()]
    assert all(part["additionalProperties"] is False for part in maps)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_examples_hold(file):
    data = plain_data(read_yaml(file.read_bytes(), file.name).root)
    VALID.validate(data)
    assert load_recipes_text(file.read_bytes(), str(file), file.parent)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_examples_name_the_schema_for_editors(file):
    first = file.read_text("utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (file.parent / first.partition("=")[2]).resolve() == ROOT / "schemas/recipe.schema.json"


def agreed(data):
    try:
        Recipe.model_validate(data)
        ours = True
    except ValidationError:
        ours = False
    return ours, VALID.is_valid(data)


@pytest.mark.parametrize(("path", "value"), WRONG_VALUES)
def test_what_the_models_refuse_the_schema_refuses(path, value):
    if isinstance(value, float) and not math.isfinite(value):
        return  # JSON has no such number
    if (path, value) == ("training.steps", 1.0):
        return  # to JSON Schema 1.0 is a whole number
    if (path, value) == ("name", "a\n"):
        return  # Python's $ in a JSON Schema pattern lets a last newline pass
    assert agreed(deep_merge(BASE, nest_value(path, value))) == (False, False)


VALUES = st.sampled_from(
    [0, 1, 3, -1, 0.5, 1.5, 100, True, False, "auto", "x", "", "epoch", "lora", "sft", "bf16", "a b", [],
    [0.9, 0.95], ["q_proj"],
     {}, {"id": "x"}, {"type": "lora"}, {"path": "a"}, [{"path": "a"}], ["a"], {"a": 1}]
)  # fmt: skip
PATHS = [".".join(p) for p in (
    ("name",), ("model",), ("data", "train"), ("data", "validation"), ("chat",), ("chat", "template"), ("method",),
    ("method", "type"), ("method", "targets"), ("method", "rslora"), ("quantization", "bits"), ("objective",),
    ("training",), ("training", "epochs"), ("training", "betas"), ("training", "warmup_ratio"),
    ("training", "save_every"),
    ("training", "packing"), ("training", "precision"), ("hardware", "gpus"), ("hardware", "strategy"), ("output",),
    ("run", "backend"), ("allow",), ("backends",),
)]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(PATHS), VALUES)
def test_models_and_schema_agree(path, value):
    ours, theirs = agreed(deep_merge(BASE, nest_value(path, value)))
    assert ours == theirs, (path, value)


def test_dates_are_text_here_as_in_the_editor():
    assert yaml.safe_load("a: 2024-01-01") == {"a": date(2024, 1, 1)}
    assert plain_data(read_yaml("a: 2024-01-01", "x").root) == {"a": "2024-01-01"}
