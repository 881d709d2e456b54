"""What starting up may load, and what it costs."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import sysconfig

import pytest

from qwen_recipes import __version__
from qwen_recipes.backends.entry_points import find_entry_points
from tests.conftest import ROOT


def test_the_version_is_told_before_anything_is_loaded():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "qwen_recipes", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"recipes, version {__version__}\n"
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"click", "pydantic", "yaml", "jinja2", "jsonschema", "dataclasses"}


def list_modules_of_lint(*arguments: str) -> tuple[set[str], int]:
    """What `recipes lint` has loaded when it ends, and its exit code."""
    code = "import sys; from qwen_recipes.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, "lint", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    return set(done.stderr.split()), done.returncode


def test_linting_loads_no_templates_and_no_json_schema_and_builds_no_models():
    """Where pydantic builds a model, it looks for its plugins."""
    loaded, code = list_modules_of_lint(str(ROOT / "examples/dora.yaml"))
    assert code == 0
    assert not loaded & {"jinja2", "jsonschema", "difflib", "qwen_recipes.compile", "pydantic.plugin._loader"}
    assert not loaded & {"qwen_recipes.recipe.field_index", "qwen_recipes.recipe.validation_errors"}
    assert "pydantic" in loaded


def test_mistakes_build_no_models_either(tmp_path):
    wrong = tmp_path / "wrong.recipe.yaml"
    wrong.write_text("version: 1\nmodle: x\ndata: {train: [{paht: a}]}\n", "utf-8")
    loaded, code = list_modules_of_lint(str(wrong))
    assert code == 1
    assert "qwen_recipes.recipe.validation_errors" in loaded
    assert "pydantic.plugin._loader" not in loaded


@pytest.mark.parametrize("group", ["qwen_recipes.backends", "console_scripts", "pytest11"])
def test_entry_points_are_what_importlib_says(group):
    wanted = {point.name for point in importlib.metadata.entry_points(group=group) if point.attr}
    assert set(find_entry_points(group)) == wanted


@pytest.mark.skipif(
    shutil.which("check-jsonschema", path=sysconfig.get_path("scripts")) is None,
    reason="the bench extra is not installed",
)
def test_bench_measures_what_has_a_bar():
    """One round, so no verdict: only that everything is measured."""
    command = [sys.executable, str(ROOT / "benchmarks/bench_cli.py"), "--rounds", "1", "--json"]
    rows = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert [row["what"] for row in rows if row["bar"]] == [
        "recipes --version",
        "recipes lint, one file",
        "recipes plan, one file",
        "1,000 plans",
        "recipes lint, 300 files",
    ]
    assert all(row["cost"] > 0 for row in rows)
