"""The language server answers after every hostile document and message, and does only what SECURITY.md allows."""

from __future__ import annotations

import json
import sys

import pytest

from tests.conftest import ROOT
from tests.editor.client import LanguageClient
from tests.hostile import files, recipes
from tests.hostile.case import HEAD, RECIPE, ROW
from tests.hostile.test_corpus import RIGHTS
from tests.hostile.watch import list_tree
from tests.unit.qwen.test_template_process import TOO_MUCH

pytest.importorskip("pygls", reason="the extra `lsp` is not installed")

WRONG = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nmethode: lora\n"
TEXTS = {
    **{f"{place}.recipe.yaml": text for place, text in enumerate(recipes.TEXTS.values())},
    **{f"{place}.yaml": text for place, text in enumerate(recipes.NATIVE.values())},
}
MESSAGES = (
    b"Content-Length: 2\r\n\r\n{}",
    b"Content-Length: 4\r\n\r\nnull",
    b"Content-Length: 5\r\n\r\n[[[[[",
    b"Content-Length: 3\r\n\r\n\xff\xfe\xfd",
    b'Content-Length: 41\r\n\r\n{"jsonrpc":"2.0","method":"no/such","x":1}'[:-1],
    b'Content-Length: 58\r\n\r\n{"jsonrpc":"2.0","id":99,"method":"textDocument/hover","p":0}'[:-3],
)
"""Messages that no editor sends. Each has the length that it states."""


@pytest.fixture
def client(tmp_path, monkeypatch):
    """An editor whose server is watched; what was seen is judged at the end."""
    folder, home, result = tmp_path / "folder", tmp_path / "home", tmp_path / "seen.json"
    folder.mkdir()
    home.mkdir()
    for name, value in {"HOME": home, "XDG_CACHE_HOME": home / "cache", "PYTHONPATH": ROOT}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("RECIPES_TEMPLATE_SECONDS", "1")
    (folder / "rows.jsonl").write_text(ROW, "utf-8")
    before = list_tree(folder)
    command = [sys.executable, "-m", "tests.hostile.watched_server", str(folder), str(home), str(result)]
    with LanguageClient(command, folder) as running:
        running.before = before
        yield running
    seen = json.loads(result.read_text("utf-8"))
    assert set(seen["starts"]) <= RIGHTS["lsp"].starts
    assert [seen["connects"], seen["ran"], seen["wrote"]] == [[], [], []]
    assert list_tree(folder) == running.before


def ask_everything(client, name, text):
    """Open a document and ask what an editor asks of it."""
    uri = client.open(name, text)
    found = client.wait_for_diagnostics(uri)
    here = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 1}}
    client.request("textDocument/hover", **here)
    client.request("textDocument/completion", **here)
    place = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    client.request("textDocument/codeAction", textDocument={"uri": uri}, range=place, context={"diagnostics": []})
    client.notify("textDocument/didClose", textDocument={"uri": uri})
    return found


def test_it_answers_after_every_hostile_document(client):
    for name, text in TEXTS.items():
        if isinstance(text, str) and len(text) < 400_000:
            ask_everything(client, name, text.encode("utf-8", "replace").decode())
    assert ask_everything(client, "last.recipe.yaml", WRONG)


def test_it_goes_on_where_a_template_hangs(client):
    for place, (name, template) in enumerate(list({**TOO_MUCH, **files.ESCAPES}.items())[::3]):
        file = client.folder / f"{place}.jinja"
        file.write_text(template, "utf-8", "surrogateescape")
        client.before = list_tree(client.folder)
        text = f"{HEAD}data: {{train: rows.jsonl}}\nchat: {{template: {file.name}}}\n"
        uri = client.open(f"{place}.recipe.yaml", text)
        assert client.wait_for_diagnostics(uri) is not None, name
    assert ask_everything(client, "last.recipe.yaml", WRONG)


@pytest.mark.parametrize("place", range(len(MESSAGES)))
def test_it_answers_after_a_message_that_is_none(client, place):
    client.process.stdin.write(MESSAGES[place])
    client.process.stdin.flush()
    assert ask_everything(client, "last.recipe.yaml", WRONG)


def test_lint_of_a_folder_goes_on_where_a_template_hangs(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from qwen_recipes.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qwen_recipes.qwen.template_process.MAX_SECONDS", 1)
    (tmp_path / "rows.jsonl").write_text(ROW, "utf-8")
    for place, template in enumerate(list(TOO_MUCH.values())[:3]):
        (tmp_path / f"{place}.jinja").write_text(template, "utf-8")
        text = f"{HEAD}data: {{train: rows.jsonl}}\nchat: {{template: {place}.jinja}}\n"
        (tmp_path / f"{place}{RECIPE}").write_text(text, "utf-8")
    (tmp_path / "last.recipe.yaml").write_text(WRONG, "utf-8")
    result = CliRunner().invoke(main, ["lint", "."])
    assert result.exit_code == 1 and "methode" in result.output and "last.recipe.yaml" in result.output
    assert all(f"{place}{RECIPE}" in result.output for place in range(3))
