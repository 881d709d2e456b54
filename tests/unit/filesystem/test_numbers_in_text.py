"""What looks like a number to `str.isdigit`, and is none to `int`, in variables, names and paths."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qwen_recipes.data.rows.columns import rename_known_columns
from qwen_recipes.filesystem.read_file import MAX_MIB, get_max_bytes
from tests.conftest import ROOT

NONE = ("\N{SUPERSCRIPT TWO}", "\N{CIRCLED DIGIT ONE}", "", "-1", "1e3", "0", "9" * 5000, "--1")


@pytest.mark.parametrize("text", NONE)
def test_a_limit_that_is_no_number_is_the_default(text, monkeypatch):
    monkeypatch.setenv("RECIPES_MAX_RECIPE_MIB", text)
    assert get_max_bytes("recipe") == MAX_MIB["recipe"] << 20


@pytest.mark.parametrize("text", NONE)
def test_no_variable_keeps_the_commands_from_starting(text):
    names = ["RECIPES_MAX_ROW_MIB", "RECIPES_MAX_ROW_DEPTH", "RECIPES_MAX_EXPANSION", "QWEN_RECIPES_GRACE"]
    names += ["RECIPES_TEMPLATE_SECONDS", "RECIPES_TEMPLATE_MIB"]
    modules = "data.rows.limits, qwen_recipes.qwen.template_process, qwen_recipes.runs.supervisor"
    done = subprocess.run(
        [sys.executable, "-c", f"import qwen_recipes.{modules}"],
        env={**dict.fromkeys(names, text), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("step", [*NONE[:2], "--0", "9" * 5000])
def test_a_place_in_a_list_that_is_no_number(step):
    assert rename_known_columns({"a": ["x"]}, {"text": f"a.{step}"}) == {"a": ["x"]}
    assert rename_known_columns({"a": ["x"]}, {"text": "a.-1"}) == {"a": ["x"], "text": "x"}
