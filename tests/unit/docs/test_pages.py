"""The documentation: commands on the pages run, links lead somewhere, every field and command is there."""

from __future__ import annotations

import re
import subprocess

import pytest

from qwen_recipes.cli.root import COMMANDS
from tests.conftest import ROOT
from tools.docs.field_notes import UNITS
from tools.docs.field_pages import describe_default
from tools.docs.links import find_dead_links, list_pages
from tools.docs.markdown import list_anchors, list_blocks
from tools.docs.snippets import list_commands, list_snippet_pages, load_exceptions, run_page
from tools.docs.spec_fields import list_documented_fields

PAGES = list_snippet_pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs_and_prints_what_the_page_has(page):
    if "recipes data" in page.read_text("utf-8"):
        pytest.importorskip("transformers")
    assert run_page(page).problems == []


def test_no_link_is_dead():
    assert [problem for page in list_pages() for problem in find_dead_links(page)] == []


def test_every_exception_is_needed():
    commands = [
        command
        for page in list_snippet_pages()
        for block in list_blocks(page.read_text("utf-8"))
        if block.language in ("sh", "console")
        for command in list_commands(block)
    ]
    for pattern, why in load_exceptions():
        assert why
        assert any(re.search(pattern, command) for command in commands), f"{pattern} is not needed any more"


def test_pages_that_other_files_name_exist():
    listed = subprocess.run(["git", "grep", "-hoE", r"\bdocs/[a-zA-Z0-9/_-]+\.(md|svg)"], cwd=ROOT, capture_output=True)
    names = set(listed.stdout.decode().split())
    assert names and [name for name in names if not (ROOT / name).is_file()] == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "zensical.toml").read_text("utf-8")
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    named = set(re.findall(r'"([\w/.-]+\.md)"', navigation))
    assert named <= pages
    assert {page for page in pages if not re.match(r"guards/QR", page)} <= named


def test_every_field_has_a_section_with_type_default_and_unit():
    fields = list_documented_fields()
    assert len(fields) > 100
    numbers = {field.path for field in fields if "number" in field.type and "seed" not in field.path}
    assert numbers - {"data.validation", *UNITS} == set()
    assert set(UNITS) <= {field.path for field in fields}
    for field in fields:
        section = "recipe" if "." not in field.path else field.section
        page = (ROOT / f"docs/reference/fields/{section}.md").read_text("utf-8")
        assert f"## {field.path}\n" in page
        assert field.type and field.description and describe_default(field)


def test_every_command_has_a_section():
    anchors = list_anchors((ROOT / "docs/reference/commands.md").read_text("utf-8"))
    assert {f"recipes-{name}" for name in COMMANDS} <= anchors
    assert {"recipes-data-check", "recipes-env-create"} <= anchors


def test_exit_codes_have_the_meaning_that_help_says():
    from qwen_recipes.cli.options_and_exits import EXIT_CODE_MEANINGS

    page = (ROOT / "docs/reference/exit-codes.md").read_text("utf-8")
    rows = {int(code): meaning for code, meaning in re.findall(r"^\| (\d+) \| ([^|]+?) \|", page, re.M)}
    assert rows == {int(code): meaning for code, meaning in EXIT_CODE_MEANINGS.items()}
