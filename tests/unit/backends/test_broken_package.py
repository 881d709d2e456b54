"""A third party's package that cannot be loaded is named; the other frameworks work as before."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import ROOT
from tests.unit.backends.third_party import run_recipes

RECIPE = (ROOT / "examples/one-12gb-card.yaml").read_text("utf-8")
ENTRY_POINTS = """[qwen_recipes.backends]
gone = gone_package.deep:BACKEND
torn = torn_package:BACKEND
odd = odd_package:BACKEND
"""


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "packages"
    (folder / "broken-1.0.dist-info").mkdir(parents=True)
    (folder / "broken-1.0.dist-info/entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    (folder / "torn_package.py").write_text("raise RuntimeError('half installed')\n", "utf-8")
    (folder / "odd_package.py").write_text("BACKEND = 'text'\n", "utf-8")
    shutil.copytree(ROOT / "examples/data", tmp_path / "data")
    (tmp_path / "recipe.yaml").write_text(RECIPE, "utf-8")
    return folder


@pytest.mark.parametrize("command", ["lint", "plan", "show", "compile"])
def test_others_work_as_before(packages, tmp_path, command):
    done = run_recipes(packages, tmp_path, command, "recipe.yaml")
    assert done.returncode == 0, done.stderr
    assert "cannot be loaded" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "reason"), [("gone", "No module named"), ("torn", "half installed"), ("odd", "not a")]
)
def test_it_is_named_where_it_is_asked_for(packages, tmp_path, name, reason):
    done = run_recipes(packages, tmp_path, "compile", "recipe.yaml", "--backend", name)
    assert done.returncode == 2
    assert f"framework {name}" in done.stderr and reason in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["backends", "doctor"])
def test_commands_that_list_frameworks_say_so(packages, tmp_path, command):
    done = run_recipes(packages, tmp_path, command)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("recipes: framework") == 3 and "xolotl" in done.stdout


def test_a_recipe_that_names_it_says_so(packages, tmp_path):
    done = run_recipes(packages, tmp_path, "compile", "recipe.yaml", "--set", "run.backend=torn")
    assert done.returncode in (1, 2) and "half installed" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
