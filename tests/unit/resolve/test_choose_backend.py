"""Which frameworks are meant: one rule, in the words of `choose_backend`'s module."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.resolve.choose_backend import choose_backend, choose_backends

ONLY_MS_SWIFT = {"hardware": {"gpu": "h100", "gpus": 8, "strategy": "megatron"}}


@pytest.mark.parametrize(
    ("recipe", "named", "chosen", "is_said"),
    [
        ({}, None, "llamafactory", True),
        ({"run": {"backend": "axolotl"}}, None, "axolotl", False),
        ({"run": {"backend": "axolotl"}}, "ms-swift", "ms-swift", False),
    ],
)
def test_the_command_line_then_the_recipe_then_the_first_that_can(loaded, recipe, named, chosen, is_said):
    recipe, why = choose_backend(loaded(recipe), named)
    assert (recipe.backend.name, bool(why)) == (chosen, is_said)


def test_all_is_every_framework_that_takes_any_recipe(loaded):
    recipes, why = choose_backends(loaded({"run": {"backend": "axolotl"}}), "all")
    assert ({one.backend.name for one in recipes}, why) == (
        {"axolotl", "llamafactory", "ms-swift", "trl"},
        "",
    )


def test_every_command_takes_the_same_one(write_recipe, tmp_path, monkeypatch):
    file = str(write_recipe({"hardware": {"gpu": "rtx-4090"}}))
    monkeypatch.chdir(tmp_path)
    said = "recipes: using LLaMA-Factory, the first that supports this recipe; choose with --backend or run.backend\n"
    calls = (["plan", file], ["show", "--resolved", file], ["diff", file, file], ["compile", file, "-o", "out"])
    for arguments in calls:
        assert said in CliRunner().invoke(main, arguments).stderr, arguments
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["llamafactory"]
    plans = json.loads(CliRunner().invoke(main, ["plan", file, "--format", "json"]).stdout)
    assert [plan["backend"] for plan in plans] == ["llamafactory"]


def test_lint_takes_all_and_then_judges_what_each_supports(write_recipe):
    file = str(write_recipe({"training": {"cut_cross_entropy": True}}))
    every = CliRunner().invoke(main, ["lint", file, "--backend", "all", "--format", "json"])
    assert every.exit_code in (0, 1)
    assert len(json.loads(every.stdout)) >= len(
        json.loads(CliRunner().invoke(main, ["lint", file, "--format", "json"]).stdout)
    )
