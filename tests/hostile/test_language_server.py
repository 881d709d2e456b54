"""The language server answers after every hostile document and message, and does only what SECURITY.md allows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

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

SAYING = '{"jsonrpc": "2.0", "method": "no/such", "params": "Content-Length: 5"}'
HEADERS = {
    b"Content-Length: 100000000000000\r\n\r\n{}": "the maximum is 16 MiB (RECIPES_MAX_MESSAGE_MIB",
    b"Content-Length: 16777217\r\n\r\n" + b"x" * 16_777_217: "the maximum is 16 MiB",
    b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}": "the maximum is 16 MiB",
    b"Content-Length: " + b"9" * 50_000 + b"\r\n\r\n{}": "a line of more than 8,192 bytes",
    b"Content-Length: -1\r\n\r\n{}": "Content-Length: -1 is not a number of bytes",
    b"Content-Length: many\r\n\r\n{}": "Content-Length: many is not a number of bytes",
    b"Content-Length: 1e3\r\n\r\n{}": "1e3 is not a number",
    b"Content-Length: 0\r\n\r\n": "0 is not a number of bytes",
    "Content-Length: \u0662\r\n\r\n{}".encode(): "is not a number of bytes",
    b"Content-Length:\r\n\r\n{}": "a header without Content-Length",
    b"Content-Type: json\r\n\r\n{}": "a header without Content-Length",
    b"x" * 20_000_000: "a line of more than 8,192 bytes in a header",
    b"A: b\r\n" * 500_000: "a header of more than 20 lines",
    b"\x1b]0;x\x07\n": "a line that is not part of a header",
    b"Content-Length: many\r\n\r\n" + SAYING.encode(): "many is not a number of bytes",
}
"""Headers behind which the next message is still found, and what is said of each."""


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
    with (tmp_path / "log").open("wb") as log, LanguageClient(command, folder, log=log) as running:
        running.before = before
        yield running
    assert b"Traceback" not in (tmp_path / "log").read_bytes()
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


def test_it_answers_after_every_header_that_cannot_be_read(client, tmp_path):
    ask_everything(client, "first.recipe.yaml", WRONG)
    for number, (header, said) in enumerate(HEADERS.items()):
        before = len((tmp_path / "log").read_bytes())
        client.process.stdin.write(header)
        client.process.stdin.flush()
        assert ask_everything(client, f"{number}.recipe.yaml", WRONG), said
        shown = (tmp_path / "log").read_bytes()[before:].decode()
        assert said in shown and shown.startswith("recipes lsp: ") and shown.count("\n") == 1, header[:60]
        assert len(shown) < 400 and shown.strip().isprintable()
    status = Path(f"/proc/{client.process.pid}/status")
    if status.exists():
        assert int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) < 400_000, "kB"


NOT_OPEN = ("file:///dev/zero", "file:///dev/fd/0", "file:///", "", "file:///%00.recipe.yaml", "file:///" + "a" * 5000)


@pytest.mark.parametrize("place", range(len(NOT_OPEN) + 1))
def test_a_document_that_is_not_open_is_not_read(client, tmp_path, place):
    """The last is a pipe, which a folder may hold in a recipe's place: opened, it waits for ever."""
    os.mkfifo(tmp_path / "pipe.recipe.yaml")
    uri = [*NOT_OPEN, (tmp_path / "pipe.recipe.yaml").as_uri()][place]
    here = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 1}}
    assert client.request("textDocument/hover", **here) is None
    client.request("textDocument/completion", **here)
    client.notify("textDocument/didClose", textDocument={"uri": uri})
    assert ask_everything(client, "last.recipe.yaml", WRONG)
    assert b"rror" not in (tmp_path / "log").read_bytes()


POSITIONS = (-1, -(10**30), 2**31, 2**63, 1.5, 1e308, None, True, "1", [], {})


def test_positions_and_messages_of_wrong_types_are_a_line_in_the_log(client, tmp_path):
    uri = client.open("a.recipe.yaml", WRONG)
    client.wait_for_diagnostics(uri)
    document = {"uri": uri, "version": 2}
    for value in POSITIONS:
        here = {"line": value, "character": value}
        place = {"start": here, "end": {"line": 0, "character": 0}}
        for method in ("hover", "completion"):
            client._send(
                {"id": 900, "method": f"textDocument/{method}", "params": {"textDocument": document, "position": here}}
            )
        change = {"textDocument": document, "contentChanges": [{"range": place, "text": ""}]}
        client._send({"method": "textDocument/didChange", "params": change})
        client._send({"id": value, "method": "textDocument/hover", "params": value})
        client._send({"id": value, "result": value})
        client._send({"method": "$/cancelRequest", "params": {"id": value}})
        client._send({"method": value})
    for number in range(30):
        client.change(uri, f"{WRONG}# {number}\n")
        client._send({"id": 1000 + number, "method": "textDocument/hover", "params": {"textDocument": document}})
        client._send({"method": "$/cancelRequest", "params": {"id": 1000 + number}})
    assert ask_everything(client, "last.recipe.yaml", WRONG)
    lines = (tmp_path / "log").read_bytes().decode().splitlines()
    assert lines and all(line.startswith("recipes lsp: ") and len(line) < 700 for line in lines)


def test_input_that_ends_in_a_message_ends_the_server(tmp_path):
    for text in (b"Content-Length: 9999999\r\n\r\n{", b"Content-Length: 5", b"Content-Length: -5\r\n\r\n", b""):
        done = subprocess.run(
            [sys.executable, "-m", "qwen_recipes", "lsp"], input=text, capture_output=True, cwd=tmp_path, timeout=60
        )
        assert done.returncode == 0 and b"Traceback" not in done.stderr
        assert done.stderr.startswith(b"recipes lsp: ") == (len(text) > 17)


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
