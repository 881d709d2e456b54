"""A page replaces an earlier page, and no other file."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.reports.page import render_page
from qwen_recipes.reports.save_page import save_page

ROW = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


@pytest.mark.parametrize("before", [None, "", "<!DOCTYPE html>\n<title>old</title>", "<html></html>"])
def test_a_new_file_and_an_earlier_page_are_written(tmp_path, before):
    if before is not None:
        (tmp_path / "a.html").write_text(before)
    save_page(tmp_path / "a.html", "<!doctype html>new")
    assert (tmp_path / "a.html").read_text() == "<!doctype html>new"


def test_our_pages_are_known_as_pages():
    assert render_page("token_preview", title="t", description="d", rows=[]).startswith("<!doctype html>")


@pytest.mark.parametrize("name", ["rows.jsonl", "a.recipe.yaml"])
@pytest.mark.parametrize("command", ["check", "preview"])
def test_neither_rows_nor_the_recipe_are_replaced(tmp_path, command, name):
    (tmp_path / "rows.jsonl").write_text(ROW)
    (tmp_path / "a.recipe.yaml").write_text(
        "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nmethod: lora\n"
    )
    before = (tmp_path / name).read_bytes()
    arguments = ["data", command, str(tmp_path / "a.recipe.yaml"), "--html", str(tmp_path / name)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "the file there is not an HTML page: name another file" in done.stderr
    assert (tmp_path / name).read_bytes() == before
