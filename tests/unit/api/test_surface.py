"""The Python API: its public names and signatures, and that it says what the command line says."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

import qwen_recipes
from qwen_recipes import Recipe, RecipeError, compile_recipe, lint, plan, run
from qwen_recipes.recipe import spec
from qwen_recipes.recipe.spec.training import Training
from tests.unit.cli.run_command import run as recipes

TEXT = """\
version: 1
name: support
model: Qwen/Qwen3-4B
data: {train: rows.jsonl}
method: {type: lora, rank: 16}
training: {epochs: 2, precision: fp16}
hardware: {gpu: rtx-4090}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / "support.recipe.yaml").write_text(TEXT, "utf-8")
    monkeypatch.chdir(tmp_path)
    return "support.recipe.yaml"


def test_the_public_names_are_these():
    """A change here is a change for everyone who imports them."""
    assert sorted(qwen_recipes.__all__) == [
        "CompiledFiles", "Finding", "Findings", "FinishedRun", "PreflightError", "Recipe", "RecipeError", "RecipePlan",
        "compile_recipe", "lint", "plan", "run",
    ]  # fmt: skip
    assert all(inspect.getdoc(getattr(qwen_recipes, name)) for name in qwen_recipes.__all__)
    assert set(qwen_recipes.__all__) <= set(dir(qwen_recipes))
    with pytest.raises(AttributeError, match="no attribute 'lnt'"):
        _ = qwen_recipes.lnt


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (lint, "recipe backend backend_version"),
        (plan, "recipe backend gpu"),
        (compile_recipe, "recipe backend folder"),
        (run, "recipe backend folder resume force on_progress"),
        (Recipe.from_file, "file set"),
        (Recipe.from_yaml, "text folder set file"),
        (Recipe.from_dict, "data folder"),
        (Recipe.replace, "self fields"),
        (Recipe.save, "self file"),
    ],
)
def test_parameters(function, parameters):
    assert " ".join(inspect.signature(function).parameters) == parameters
    assert inspect.signature(function).return_annotation != "Any"


def test_a_recipe_is_made_of_every_field_of_the_file():
    made = set(inspect.signature(Recipe).parameters) - {"folder"}
    assert made == set(spec.Recipe.model_fields)


def test_importing_the_package_loads_nothing():
    code = "import sys, qwen_recipes; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "click", "yaml", "dataclasses", "qwen_recipes.api"} & set(loaded)


def test_recipes_of_a_file_of_a_dict_and_of_fields_are_the_same(file):
    of_file = Recipe.from_file(file)
    of_fields = Recipe(
        name="support", model="Qwen/Qwen3-4B", data={"train": "rows.jsonl"}, method={"type": "lora", "rank": 16},
        training=Training(epochs=2, precision="fp16"), hardware={"gpu": "rtx-4090"},
    )  # fmt: skip
    assert of_file == of_fields == Recipe.from_dict(of_file.to_dict()) == Recipe.from_yaml(of_file.to_yaml())
    assert (of_file.fields.training.epochs, of_file.fields.method.rank) == (2, 16)
    of_file.replace({"training.epochs": 1, "data.train": ["rows.jsonl"]}).save("other.recipe.yaml")
    assert Recipe.from_file("other.recipe.yaml").fields.training.epochs == 1
    assert Recipe.from_file(file, {"training.learning_rate": 3e-5}).fields.training.learning_rate == 3e-5


def test_a_recipe_that_does_not_load_has_every_problem_at_its_line():
    with pytest.raises(RecipeError) as caught:
        Recipe(model="Qwen/Qwen3-4B", data={"train": "a"}, method="lorra", training={"epochs": "many"})
    assert [(f.span.line, f.message) for f in caught.value.findings] == [
        (5, "invalid value for `method`: 'lorra'"),
        (7, "invalid value for `training.epochs`: 'many'"),
    ]
    assert [f.message for f in lint({"version": 1, "modle": "x", "data": {"train": "a"}})] == [
        "`model` is missing",
        "`modle` is not a field",
    ]


def test_findings_are_those_of_the_command_line(file):
    told = json.loads(recipes("lint", file, "--format", "json").stdout)
    found = lint(file)
    assert [(f.code, f.span.line, f.message) for f in found] == [(f["code"], f["line"], f["message"]) for f in told]
    assert [f.code for f in lint(Recipe.from_file(file))] == [f["code"] for f in told]
    assert not found.ok
    assert "QR401" in str(found)
    assert "<td>QR401</td>" in found._repr_html_()


def test_the_plan_is_that_of_the_command_line(file):
    told = json.loads(recipes("plan", file, "--backend", "trl", "--format", "json").stdout)
    made = plan(file, "trl")
    assert made.to_dicts() == told
    assert (made.backend, made.fits, made.resolved.training.epochs) == ("trl", True, 2)
    shown = json.loads(recipes("show", file, "--resolved", "--backend", "trl", "--format", "json").stdout)
    values = {row["field"]: row["value"] for row in shown}
    assert all(values[value.field] == value.value for value in made.values)
    assert "rtx-4090" in made._repr_html_()


def test_compiled_files_are_those_of_the_command_line(file, tmp_path):
    recipe = Recipe.from_file(file, {"training.precision": "bf16"})
    made = compile_recipe(recipe, "trl")
    assert not made.folder.exists()
    made.write()
    written = (tmp_path / "compiled/support/trl/train.yaml").read_bytes()
    recipes("compile", file, "--backend", "trl", "-o", "other", "--set", "training.precision=bf16")
    assert written == (tmp_path / "other/trl/train.yaml").read_bytes()


def test_trials_are_recipes(file):
    recipe = Recipe.from_file(file, {"sweep": {"parameters": {"method.rank": [8, 16]}}})
    assert {name: one.fields.method.rank for name, one in recipe.trials.items()} == {"rank8": 8, "rank16": 16}
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    with pytest.raises(RecipeError, match="1 problems"):
        plan(recipe)


def test_stages_are_recipes(file):
    dpo = {"name": "dpo", "objective": "dpo", "data": {"train": "pairs.jsonl"}, "run": {"backend": "llamafactory"}}
    stages = [
        {"name": "sft"},
        {"name": "merge", "merge": "base"},
        dpo | {"sweep": {"parameters": {"method.rank": [4, 8]}}},
    ]
    recipe = Recipe.from_file(file, {"stages": stages, "training.precision": "bf16"})
    assert list(recipe.stages) == ["sft", "dpo"] and list(recipe.stages["dpo"].trials) == ["rank4", "rank8"]
    trial = recipe.stages["dpo"].trials["rank8"]
    assert (trial.fields.model.id, trial.fields.objective.type) == ("runs/support/merge", "dpo")
    assert plan(recipe.stages["sft"]).resolved.output.dir == "runs/support/sft"
    assert "dpo" in compile_recipe(trial).files["train.yaml"]
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe and repr(recipe) == "<Recipe 'support' of 3 stages>"
    assert lint(recipe).ok
    with pytest.raises(RecipeError) as caught:
        recipe.replace({"stages[1].merge": {"density": 0.5}})
    assert "`merge.density` does not apply" in caught.value.findings[0].message
    with pytest.raises(RecipeError) as caught:
        compile_recipe(recipe)
    assert caught.value.findings[0].suggestion == "recipe.stages['sft']"
