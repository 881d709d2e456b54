"""`--set`: typed as in the file, into long and short forms, never dropping what stands there."""

from __future__ import annotations

import pytest

from qwen_recipes.recipe.load import load_recipe
from tests.conftest import nest_value


def field(recipe, path):
    for step in path.split("."):
        recipe = recipe[int(step)] if step.isdigit() else getattr(recipe, step)
    return recipe


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("training.epochs=1", "training.epochs", 1.0),
        ("training.learning_rate=3e-5", "training.learning_rate", 3e-5),
        ("training.packing=true", "training.packing", True),
        ("training.betas=[0.8, 0.9]", "training.betas", [0.8, 0.9]),
        ("name=1e4", "name", "1e4"),
        ("name='x'", "name", "x"),
        ("method={type: lora, rank: 8}", "method.rank", 8),
        ("method=dora", "method.type", "dora"),
        ("output.dir=a=b", "output.dir", "a=b"),
        (" training.seed =5", "training.seed", 5),
        ("data.validation=0.1", "data.validation", 0.1),
        ("allow.QR101=we measured", "allow", {"QR101": "we measured"}),
        ("backends.axolotl.extra.a.b=1", "backends", None),
    ],
)
def test_a_value_is_typed_as_in_the_file(loaded, text, path, value):
    found = field(loaded(None, text).recipe, path)
    assert value is None or (found == value and type(found) is type(value))


@pytest.mark.parametrize(
    ("recipe", "text", "kept"),
    [
        ({}, "model.revision=abc", ("model.id", "Qwen/Qwen3-4B")),
        ({}, "data.train.format=messages", ("data.train.0.path", "rows.jsonl")),
        (nest_value("method", "qlora"), "method.rank=8", ("method.type", "qlora")),
        (nest_value("data.train", ["a", "b"]), "data.train.1.format=messages", ("data.train.1.path", "b")),
        (nest_value("data.train", ["a", "b"]), "data.train[1].format=messages", ("data.train.0.path", "a")),
        (nest_value("data.train", ["a", "b"]), "data.train[0]=c", ("data.train.1.path", "b")),
        (nest_value("data.validation", 0.1), "data.validation.path=v", ("data.validation.0.path", "v")),
        (nest_value("training.epochs", 2), "training.seed=1", ("training.epochs", 2.0)),
    ],
)
def test_what_stands_there_stays(loaded, recipe, text, kept):
    assert field(loaded(recipe, text).recipe, kept[0]) == kept[1]


def test_the_last_one_counts(loaded):
    assert loaded(None, "training.epochs=1", "training.epochs=2").recipe.training.epochs == 2


def test_anchored_values_elsewhere_stay(loaded):
    text = "version: 1\nmodel: x\ndata:\n  train: &t {path: a}\n  validation: *t\n"
    made = loaded(text, "data.train.path=b").recipe
    assert (made.data.train[0].path, made.data.validation[0].path) == ("b", "a")


@pytest.mark.parametrize(
    "text",
    ["training.epochs", "=1", "training..epochs=1", "training.epochs=[1", "training.epochz=1", "training.epochs=x",
     "name=", "name=!!int x", "name=a: b: c", "name=\udcff", "name=&a [*a]", ".".join("a" * 2000) + "=1",
     "data.train.path=x", "data.train[7].path=x", "model=#"],
)  # fmt: skip
def test_what_is_wrong_is_refused_and_never_a_crash(write_recipe, problems, text):
    file = str(write_recipe(nest_value("data.train", ["a", "b"])))
    findings = problems(load_recipe, file, (text,))
    assert findings
    for finding in findings:
        assert finding.line == "" or finding.span.line > 0


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("training.epochs=x", "training.epochs"),
        ("training={epochs: x}", "training.epochs"),
        ("method={type: lora, rnak: 8}", "rnak"),
        ("data.train=[{path: a, weight: -1}]", "weight"),
    ],
)
def test_a_wrong_value_does_not_point_at_an_innocent_line(write_recipe, problems, text, field):
    (finding,) = problems(load_recipe, str(write_recipe()), (text,))
    assert "version" not in finding.line
    assert field in f"{finding.file} {finding.message}"
