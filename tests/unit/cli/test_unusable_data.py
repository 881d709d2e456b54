"""Data files that are there and that nothing can be trained on: said by lint and plan before a run."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main

ROW = json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}).encode()
LINES = (ROW + b"\n") * 3
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"\n <!DOCTYPE html>\n<html><head><title>404</title></head></html>\n"


def pack_zip(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.jsonl", content)
    return packed.getvalue()


def pack_tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("a.jsonl")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


UNUSABLE = {
    "pointer.jsonl": (POINTER, "is a Git LFS pointer, not rows"),
    "pointer.parquet": (POINTER, "is a Git LFS pointer, not rows"),
    "pointer.csv": (POINTER, "is a Git LFS pointer, not rows"),
    "pointer.jsonl.gz": (gzip.compress(POINTER), "a Git LFS pointer within gzip"),
    "page.jsonl": (PAGE, "is a web page"),
    "page.csv": (PAGE, "is a web page"),
    "page.parquet": (PAGE.lower(), "is a web page"),
    "error.json": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is a web page"),
    "message.jsonl": (b"Entry not found", "its only row is not an example; row 1: not JSON"),
    "list.json": (b"[]", "has no rows"),
    "object.json": (b"{}", "its only row is not an example; row 1: it is empty"),
    "objects.jsonl": (b"{}\n{}\n", "none of its first 2 rows is an example"),
    "null.json": (b"null", "its only row is not an example"),
    "blank.jsonl": (b"\n \n", "has no rows"),
    "names.csv": (b"instruction,output\n", "names columns and has no rows"),
    "names.tsv": (b"instruction\toutput", "names columns and has no rows"),
    "archive.jsonl": (pack_zip(LINES), "is a zip archive"),
    "archive.tar": (pack_tar(LINES), "is a tar archive"),
    "archive.tar.gz": (gzip.compress(pack_tar(LINES)), "a tar archive within gzip"),
    "weights.jsonl": (b"d\0\0\0\0\0\0\0{" + b" " * 90, "is binary data"),
    "words.parquet": (b"hello\nworld\n", "is text, not Parquet as its name says"),
    "words.feather": (b"instruction,output\nq,a\n", "is text, not Feather as its name says"),
    "video.jsonl": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 40, "is binary data"),
    "pickle.jsonl": (b"\x80\x04\x95\x10" + b"\0" * 40, "is a pickle"),
    "photo.jsonl": (b"\xff\xd8\xff\xe0\0\x10JFIF", "is an image"),
    "broken.jsonl.gz": (b"\x1f\x8bno gzip at all", "can't be read: the gzip data is broken"),
    "empty.jsonl.gz": (gzip.compress(b""), "has no rows"),
    "cut.parquet": (b"PAR1" + b"x" * 50, "is cut off: a Parquet file ends with PAR1"),
    "wrapped.json": (json.dumps({"data": [json.loads(ROW)]}).encode(), "the rows are the list under `data`"),
    "table.json": (
        b'{"instruction": {"0": "a", "1": "b"}, "output": {"0": "c", "1": "d"}}',
        "a whole table by columns",
    ),
    "other.jsonl": (b'{"a": 1}\n', "no known layout"),
}
MISNAMED = {
    "text.parquet": (LINES, "holds lines of JSON", "rename it to text.jsonl"),
    "text.arrow": (LINES, "holds lines of JSON", "rename it to text.jsonl"),
    "lines.csv": (LINES, "holds lines of JSON", "rename it to lines.jsonl"),
    "plain.jsonl.gz": (LINES, "is not compressed with gzip", "rename it to plain.jsonl:"),
    "packed.jsonl": (gzip.compress(LINES), "is compressed with gzip", "rename it to packed.jsonl.gz:"),
}
FINE = {
    "good.jsonl": LINES,
    "good.json": b"[" + ROW + b"]",
    "list.jsonl": b"[" + ROW + b"]",
    "good.csv": b"instruction,output\nq,a\n",
    "good.jsonl.gz": gzip.compress(LINES),
    "second.jsonl": b"nope\n" + LINES,
    "holes.jsonl": b"\0" * 600 + b"\n" + LINES,
    "wide.jsonl": LINES.decode().encode("utf-16"),
}


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: bytes, source: str = "") -> str:
        Path(name).write_bytes(content)
        text = f"version: 1\nmodel: Qwen/Qwen3-0.6B\ndata:\n  train:\n    - {{path: {name}{source}}}\n"
        Path("r.yaml").write_text(text + "hardware: {gpu: rtx-4090}\nrun: {backend: axolotl}\n", "utf-8")
        return "r.yaml"

    return write


def lint(file):
    result = CliRunner().invoke(main, ["lint", file, "--format", "json"])
    return [one for one in json.loads(result.stdout) if one["code"] == "data"]


@pytest.mark.parametrize("name", UNUSABLE)
def test_lint_and_plan_say_that_nothing_can_be_trained_on(recipe, name):
    content, message = UNUSABLE[name]
    file = recipe(name, content)
    (found,) = lint(file)
    assert found["severity"] == "warning" and found["message"].startswith(name) and message in found["message"]
    assert (found["line"], bool(found["suggestion"])) == (5, True)
    planned = CliRunner().invoke(main, ["plan", file])
    assert f"recipes: {found['message']}; {found['suggestion']}" in planned.stderr


@pytest.mark.parametrize("name", MISNAMED)
def test_a_name_that_says_another_format_is_a_warning(recipe, name):
    content, message, suggestion = MISNAMED[name]
    (found,) = lint(recipe(name, content))
    assert message in found["message"] and found["suggestion"].startswith(suggestion)


def test_tables_are_judged_by_their_rows(recipe):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    known, unknown = pa.table({"instruction": ["q"], "output": ["a"]}), pa.table({"x": ["q"], "y": ["a"]})
    with pa.ipc.new_stream("stream.arrow", known.schema):
        pass
    feather.write_feather(known.slice(0, 0), "empty.feather")
    feather.write_feather(unknown, "other.feather")
    parquet.write_table(unknown, "other.parquet")
    said = {name: lint(recipe(name, Path(name).read_bytes())) for name in
            ("stream.arrow", "empty.feather", "other.feather", "other.parquet")}  # fmt: skip
    assert ["has no rows" in one["message"] for (one,) in said.values()] == [True, True, False, False]
    assert all("no known layout: the columns are `x`, `y`" in said[f"other.{kind}"][0]["message"]
               for kind in ("feather", "parquet"))  # fmt: skip


def test_data_check_of_parquet_without_rows_and_of_lines_named_parquet(recipe):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"instruction": ["q"], "output": ["a"]}).slice(0, 0), "empty.parquet")
    checked = CliRunner().invoke(main, ["data", "check", "empty.parquet"])
    assert "QR518" in checked.stdout and "QR519" not in checked.stdout
    Path("lines.parquet").write_bytes(LINES)
    checked = CliRunner().invoke(main, ["data", "check", "lines.parquet"])
    assert "lines.parquet holds lines of JSON, which its name does not say" in checked.stderr


def test_columns_beside_prompts_are_named(recipe):
    Path("asked.jsonl").write_text('{"question": "q", "context": "Long text"}\n')
    shown = CliRunner().invoke(main, ["data", "check", "asked.jsonl"]).stdout
    assert "the model does not see these columns, reward functions do: context (1 row)\n" in shown


def test_parquet_is_judged_without_the_library(recipe):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"instruction": ["q"] * 3, "output": ["a"] * 3})
    for name, rows, message in (("a.parquet", 3, ""), ("b.parquet", 0, "has no rows"), ("c.jsonl", 3, "holds Parquet")):
        parquet.write_table(table.slice(0, rows), name)
        found = lint(recipe(name, Path(name).read_bytes()))
        assert [message in one["message"] for one in found] == ([True] if message else [])


@pytest.mark.parametrize("name", FINE)
def test_nothing_is_said_of_files_with_rows(recipe, name):
    file = recipe(name, FINE[name])
    assert lint(file) == []
    assert name not in CliRunner().invoke(main, ["plan", file]).stderr


def test_another_encoding_is_not_taken_for_binary_data(recipe):
    content = ('{"instruction": "' + "\u0100\u0200\u0300" * 9 + '", "output": "a"}\n').encode("utf-16-le")
    assert lint(recipe("wide.jsonl", content, ", encoding: utf-16-le")) == []


def test_columns_and_roles_of_the_source_are_heeded(recipe):
    rows = b'{"q": "a", "a": "b"}\n'
    assert lint(recipe("own.jsonl", rows, ", columns: {prompt: q, completion: a}")) == []
    assert lint(recipe("own.jsonl", rows))


def test_one_file_of_several_is_named(recipe):
    recipe("a.jsonl", LINES)
    recipe("b.jsonl", POINTER)
    Path("r.yaml").write_text(Path("r.yaml").read_text().replace("path: b.jsonl", "path: '*.jsonl'"))
    (found,) = lint("r.yaml")
    assert found["message"] == "b.jsonl (1 of 2 files) is a Git LFS pointer, not rows"
