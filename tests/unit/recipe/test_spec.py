"""The spec: shorthands are the long form, every field explains itself, limits hold."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from qwen_recipes.recipe.field_index import find_field_info, find_section_at, index_fields
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.hardware_and_output import Hardware
from qwen_recipes.recipe.spec.section import Section
from qwen_recipes.recipe.written_fields import find_written_fields
from tests.conftest import BASE, deep_merge, nest_value
from tests.unit.recipe.wrong_values import WRONG_VALUES


def recipe(changes=None):
    return Recipe.model_validate(deep_merge(BASE, changes or {}))


def test_the_shortest_recipe():
    assert recipe().data.train[0].path == "rows.jsonl"
    assert recipe().training is None


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"model": "x"}, {"model": {"id": "x"}}),
        ({"method": "qlora"}, {"method": {"type": "qlora"}}),
        ({"objective": "sft"}, {"objective": {"type": "sft"}}),
        ({"data": {"train": "a"}}, {"data": {"train": [{"path": "a"}]}}),
        ({"data": {"train": ["a", {"path": "b"}]}}, {"data": {"train": [{"path": "a"}, {"path": "b"}]}}),
        ({"data": {"validation": "a"}}, {"data": {"validation": [{"path": "a"}]}}),
    ],
)
def test_the_short_form_is_the_long_one(short, long):
    assert recipe(short) == recipe(long)


@pytest.mark.parametrize("missing", ["version", "model", "data"])
def test_what_must_be_written(missing):
    with pytest.raises(ValidationError):
        recipe({missing: None})


@pytest.mark.parametrize(("path", "value"), WRONG_VALUES)
def test_limits(path, value):
    with pytest.raises(ValidationError):
        recipe(nest_value(path, value))


@pytest.mark.parametrize("path", [path for path in index_fields() if "*" not in path])
def test_every_field_explains_itself_with_an_example_that_holds(path):
    field = index_fields()[path]
    assert field.description.endswith((".", "`")), "a sentence"
    assert field.example is not None
    assert field.read_by in ("backend", "launcher", "tool")
    if path.startswith("data.train[]."):
        source = {"path": "a", path.rpartition(".")[2]: field.example}
        assert recipe({"data": {"train": [source]}})
    elif path.startswith("objective.rewards[]."):
        reward = {"path": "rewards.py", "function": "right", path.rpartition(".")[2]: field.example}
        assert recipe({"objective": {"rewards": [reward]}})
    else:
        beside = {path: {"model": {"id": "x"}} for path in ("model.revision", "model.like", "model.source")}
        beside |= {"output.hub.private": {"output": {"hub": {"id": "a/b"}}}}
        rest = beside.get(path, {})
        assert recipe(deep_merge(rest, nest_value(path, field.example)))


def test_leaves_are_complete():
    """Found by walking the models' JSON Schema instead of the models."""
    schema = Recipe.model_json_schema()
    named = set()
    stages = ("Stage", "Merge", "MergedAdapter")  # of which no plan has anything
    for part in [schema, *(part for name, part in schema["$defs"].items() if name not in stages)]:
        named |= set(part["properties"])
    parts = {"chat", "quantization", "training", "hardware", "output", "run", "backends", "data", "model", "method",
             "objective", "tracking", "low_rank", "gpu", "sweep", "search",
             "parameters", "batch_size"}  # fmt: skip
    assert {path.rpartition(".")[2] for path in index_fields()} == named - parts


def test_parts_and_fields_by_route():
    assert find_section_at(("hardware",)) is Hardware
    assert find_section_at(("data", "train", 0)).__name__ == "Source"
    assert find_section_at(("backends", "axolotl")).__name__ == "BackendOptions"
    assert find_field_info(("training", "epochs")).examples == [3]
    assert find_field_info(("no", "where")) is None
    assert find_field_info(()) is None


def test_what_the_person_wrote():
    made = recipe(
        {
            "method": "qlora",
            "data": {"train": ["a", {"path": "b", "format": "messages"}], "validation": 0.1},
            "hardware": {"strategy": "auto", "gpus": 2},
            "training": {},
            "backends": {"axolotl": {"extra": {"x": 1}}},
        }
    )
    assert find_written_fields(made) == {
        "version", "model.id", "method.type", "data.train", "data.train[].path", "data.train[].format",
        "data.validation", "hardware.gpus", "backends.axolotl.extra",
    }  # fmt: skip


def test_a_section_does_not_change():
    made = recipe({"training": {"epochs": 3}}).training
    assert (made.epochs, made.steps, made.model_fields_set) == (3.0, None, {"epochs"})
    with pytest.raises(ValidationError, match="frozen"):
        made.epochs = 4
    with pytest.raises(ValidationError, match="frozen"):
        del made.epochs


def test_a_copy_knows_what_it_was_given():
    made = recipe({"training": {"epochs": 3}})
    assert find_written_fields(made.model_copy(update={"training": None})) == find_written_fields(recipe())


@pytest.mark.parametrize("section", Section.__subclasses__())
def test_an_empty_section_says_nothing(section):
    empty = section.make_empty()
    assert empty.model_fields_set == set()
    optional = [name for name, info in section.model_fields.items() if not info.is_required()]
    assert {getattr(empty, name) for name in optional} <= {None}
