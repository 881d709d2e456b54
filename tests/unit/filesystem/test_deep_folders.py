"""Folders 1,100 deep within each other: searching them, and looking for settings above them, ends with an answer."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main

DEPTH = 1_100
ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
DEEP = "folders lie too deep within each other"


@pytest.fixture
def deep(tmp_path, monkeypatch):
    """A folder with a recipe and rows DEPTH folders below it; the deepest folder is the working one."""
    top = tmp_path / "deep"
    top.mkdir()
    monkeypatch.chdir(top)
    for _ in range(DEPTH):
        os.mkdir("a")  # noqa: PTH102 - the paths grow too long
        os.chdir("a")
    Path("r.recipe.yaml").write_text("version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n", "utf-8")
    Path("rows.jsonl").write_text(json.dumps(ROW) + "\n", "utf-8")
    yield top
    os.chdir(top)
    os.chdir("a/" * DEPTH)
    for name in ("r.recipe.yaml", "rows.jsonl"):
        Path(name).unlink()
    for _ in range(DEPTH):
        os.chdir("..")
        os.rmdir("a")  # noqa: PTH106


def test_settings_are_looked_for_in_each_folder_above(deep):
    (deep.parent / ".recipes.toml").write_text("[lint]\nselect = ['QZ']", "utf-8")
    done = CliRunner().invoke(main, ["lint", "r.recipe.yaml"])
    assert (done.exit_code, "QZ" in done.output) == (2, True), done.exception


@pytest.mark.parametrize("command", ["lint {}", "lint {}/**/*.yaml", "data check {}", "data check {}/**/*.jsonl"])
def test_what_cannot_be_searched_is_said(deep, command):
    """Python 3.12 and later walk through them."""
    done = CliRunner().invoke(main, command.format(deep).split())
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.exit_code in (0, 1) or (done.exit_code == 2 and DEEP in done.output), done.output
