"""Sixty files that are broken, each in a way of its own: a reason with its row, no traceback, no empty success."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os

import pytest
from click.testing import CliRunner

pytest.importorskip("tokenizers")

from qwen_recipes.cli import main
from qwen_recipes.data.rows.file_forms import find_file_problem
from qwen_recipes.data.rows.prepare import read_normalized_rows
from qwen_recipes.data.rows.row_reader import read_file_rows

ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
GOOD = json.dumps(ROW).encode()
LINES = (GOOD + b"\n") * 50
PACKED = {"gz": gzip.compress(LINES, mtime=0), "bz2": bz2.compress(LINES), "xz": lzma.compress(LINES)}
BOMB = gzip.compress(b" " * (80 << 20), mtime=0)


def list_broken_lines():
    """Lines that are no rows."""
    yield from (
        b'{"messages": [',
        b"\0\0\0",
        b"{'messages': 1}",
        b'{"a": Infinity}',
        b"nope",
        b'{"a": 1,}',
        b"[" * 4000,
    )
    yield from (b'{"a":' * 3000 + b"1" + b"}" * 3000, b"[" * 600 + b"]" * 600, b'"\\ud83d"', b"1" * 5000)
    yield from (
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b"\xff\xfe\xfd",
        b'{"a": "\xe9"}',
        b"{NaN: 1}",
    )
    yield b'{"\\udc00": 1}'
    yield from (b'{"text": "a\\u0000b"}', b'{"a\\u0000": 1}', GOOD + GOOD, GOOD + b" " + GOOD, GOOD + b"[]")


def list_broken_files():
    """Name and content."""
    for number, line in enumerate(list_broken_lines()):
        yield f"line-{number}.jsonl", GOOD + b"\n" + line + b"\n" + GOOD
    for name, packed in PACKED.items():
        yield f"cut.jsonl.{name}", packed[: len(packed) // 2]
        yield f"head-only.jsonl.{name}", packed[:12]
        yield f"damaged.jsonl.{name}", packed[:20] + b"\xff\xff\xff\xff" + packed[24:]
    yield "bomb.jsonl.gz", BOMB
    yield "packed-lines.jsonl.gz", gzip.compress(GOOD + b"\nnope\n", mtime=0)
    for number, content in enumerate(
        (b"[", b"[1", b'[{"a": 1}', b'[{"a": 1},', b'[{"a": 1} nope]', b'{"a": ', b'[{"a": 1}] [',
         b'[{"a": 1} {"a": 2}]', b'[{"a": 1},]', b'[{"a": "\\u0000"}]', GOOD + GOOD, b'{\n"a": 1} {\n"a": 2}')
    ):  # fmt: skip
        yield f"array-{number}.json", content
    yield "deep.json", b"[" + b'{"a":' * 2000 + b"1" + b"}" * 2000 + b"]"
    yield "half.json", b'[{"a": "\\ud800"}]'
    yield "bytes.json", b'[{"a": "\xff"}]'
    yield "values.csv", b"prompt,completion\nq,a,b\n"
    yield "twice.csv", b"prompt,prompt\nq,a\n"
    yield "nul.csv", b"prompt,completion\nq,a\0b\n"
    yield "nul.txt", b"a\na\0b\n"
    yield "joined.txt", GOOD + GOOD + b"\n"
    yield "latin.csv", "prompt,completion\nq,é\n".encode("latin-1")
    yield "latin.txt", "é\n".encode("latin-1")
    yield "odd.jsonl", b"\xff\xfe" + GOOD.decode().encode("utf-16-le")[:-1]
    for number, content in enumerate((b"PK\x03\x04x", b"%PDF-1.7", b"\x89PNG\r\n", b"\x7fELF", b"SQLite format 3\0",
                                      b"version https://git-lfs.github.com/spec/v1\n", b"\xd0\xcf\x11\xe0",
                                      b"\x80\x02}x")):  # fmt: skip
        yield f"foreign-{number}.jsonl", content
    for number, content in enumerate((b"", b"\n\n", b" ", b"\xef\xbb\xbf", b"[]")):
        yield f"empty-{number}.jsonl", content
    yield "empty.csv", b"prompt,completion\n"
    yield "empty.json", b"[]"
    yield "empty.jsonl.gz", gzip.compress(b"", mtime=0)


BROKEN = dict(list_broken_files())
ARROW = {
    "cut.parquet": b"PAR1" + b"x" * 50,
    "cut.arrow": b"ARROW1\0\0xx",
    "stream.arrow": b"\xff\xff\xff\xff\x10\0\0\0",
}


def test_there_are_sixty_of_them():
    assert len(BROKEN) + len(ARROW) >= 60


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_its_row(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    whole = find_file_problem(path)
    rows = [] if whole else list(read_file_rows(path))
    problems = [row for row in rows if row.problem]
    assert whole or problems or not rows
    assert not rows or problems or name.startswith("empty")
    assert all(row.number >= 1 and "Traceback" not in row.problem for row in problems)
    if name.startswith("line-"):
        assert [row.number for row in problems] == [2] and len(rows) == 3


@pytest.mark.parametrize("name", ARROW)
def test_a_broken_table_is_named(name, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(ARROW[name])
    (row,) = read_file_rows(path)
    assert "can't be read as" in row.problem and row.number == 1


@pytest.mark.parametrize("name", ["line-7.jsonl", "cut.jsonl.gz", "array-2.json", "values.csv", "foreign-0.jsonl",
                                  "empty-1.jsonl", "bomb.jsonl.gz"])  # fmt: skip
def test_the_commands_exit_with_1(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    check = CliRunner().invoke(main, ["data", "check", str(path), "--jobs", "1"])
    assert (check.exit_code, check.exception.__class__) == (1, SystemExit), check.output
    assert name in check.output
    if not name.startswith(("line", "cut", "array")):
        out = tmp_path / "out.jsonl"
        assert CliRunner().invoke(main, ["data", "prepare", str(path), "-o", str(out)]).exit_code == 1
        assert not out.exists()


SECOND = b'{"messages": [{"role": "user", "content": "a\\u0000b"}, {"role": "assistant", "content": "a"}]}'


@pytest.mark.parametrize(("line", "reason"), [(SECOND, "U+0000 (NUL) in `messages.0.content`"),
                                              (GOOD + GOOD, "two JSON values on one line")])  # fmt: skip
def test_every_command_that_reads_rows_gives_the_row_and_the_reason(line, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_bytes(GOOD + b"\n" + line + b"\n")
    for arguments in (["check", "--jobs", "1"], ["preview", "--from-row", "2"]):
        done = CliRunner().invoke(main, ["data", arguments[0], "rows.jsonl", *arguments[1:]])
        assert done.exit_code == 1 and "rows.jsonl:2" in done.output and reason in done.output
    assert CliRunner().invoke(main, ["data", "prepare", "rows.jsonl", "-o", "out.jsonl"]).exit_code == 0
    dropped = json.loads((tmp_path / "out.jsonl.manifest.json").read_text("utf-8"))
    assert reason in json.dumps(dropped) and len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 1
    source = {"path": "rows.jsonl", "hub": None, "format": "messages", "columns": {}}
    read = list(read_normalized_rows(source))
    assert read[0][2] and read[1][:3] == ("rows.jsonl", 2, None) and reason in read[1][3]


def test_parquet_with_nul_is_named_with_its_row(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"text": ["a", "a\0b"], "list": [["x"], ["y"]]}), tmp_path / "nul.parquet")
    first, second = read_file_rows(tmp_path / "nul.parquet")
    assert not first.problem and second.number == 2 and "U+0000 (NUL) in `text`" in second.problem


@pytest.mark.parametrize("content", [b'{\n"a": {\n}\n}\n{\n"a": 2}', b'{"a": {}}\n{"a": 2}\n',
                                     b'[{"a": {}},\n{"a": 2}]', b'{"a": "\\\\u0000"}\n\n\t {"a": 2}'])  # fmt: skip
def test_values_on_lines_of_their_own_are_rows(content, tmp_path):
    (tmp_path / "rows.json").write_bytes(content)
    rows = list(read_file_rows(tmp_path / "rows.json"))
    assert [row.problem for row in rows] == ["", ""] and rows[1].row == {"a": 2}


def make_pipe(path):
    os.mkfifo(path)


@pytest.mark.parametrize("what", ["/dev/zero", "pipe", "folder", "none.jsonl", "a" * 300, "**.jsonl", "x\0y"])
def test_what_is_no_file_exits_with_2(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    result = CliRunner().invoke(main, ["data", "check", what])
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.output


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_csv_of_any_delimiter_and_encoding(delimiter, encoding, tmp_path):
    lines = [["prompt", "completion"], ["Was, bitte; wie?", "Schön | gut"], ['"x"', "zwei\nZeilen"]]
    quoted = "\r\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    path = tmp_path / "rows.csv"
    path.write_bytes((quoted + "\r\n").encode(encoding))
    rows = [row.row for row in read_file_rows(path, encoding if encoding == "latin-1" else "")]
    assert rows == [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def test_files_in_every_form_hold_the_same_rows(tmp_path):
    rows = [ROW, {"messages": [*ROW["messages"], *ROW["messages"]]}]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    made = {"a.jsonl": lines, "b.json": json.dumps(rows, indent=1).encode(), "c.jsonl": json.dumps(rows).encode(),
            "d.jsonl.gz": gzip.compress(lines), "e.json.xz": lzma.compress(json.dumps(rows).encode()),
            "f.jsonl": lines.decode().encode("utf-16"), "g.ndjson": lines, "h.json": lines}  # fmt: skip
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
        assert [row.row for row in read_file_rows(tmp_path / name)] == rows, name


def test_a_long_list_is_read_in_time_that_grows_with_it(tmp_path):
    import time

    def measure(count):
        path = tmp_path / f"{count}.json"
        path.write_bytes(b"[" + b",".join([b'{"text": "some words"}'] * count) + b"]")
        start = time.process_time()
        assert sum(1 for _ in read_file_rows(path)) == count
        return time.process_time() - start

    measure(1000)
    short, long = measure(20_000), measure(160_000)
    assert long < 24 * max(short, 0.01), (short, long)
