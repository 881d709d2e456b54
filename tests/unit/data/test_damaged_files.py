"""Files that are not what they should be: a finding each, the rest still read, no crash."""

import gzip
import json
import threading

import pytest
from click.testing import CliRunner

pytest.importorskip("tokenizers")

from qwen_recipes.cli import main
from qwen_recipes.data.rows import row_reader
from qwen_recipes.guards.rows import parallel_check as checking
from qwen_recipes.guards.rows.parallel_check import check_rows
from qwen_recipes.guards.rows.row_checker import RowFile
from tests.unit.guards.row_judges import judge_of

GOOD = b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}'


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "RowChecker", lambda rules: judge_of("hybrid", None))

    def judged(content, name="rows.jsonl", layout="messages"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        return check_rows([RowFile(0, str(path), layout)], judge_of("hybrid", None).rules, cores=1).train

    return judged


def only(tally, code):
    """The one example of the one code; good rows are all the same here, which is another matter."""
    assert {found: n for found, n in tally.violation_counts.items() if found not in ("QR514", "QR515", "QR533")} == {
        code: 1
    }
    (example,) = tally.examples[code]
    return example


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"messages": [', "not JSON"),
        (GOOD.replace(b'"q"', b'"q\0"'), "1 NUL byte"),
        (GOOD.replace(b'"q"', b'"\xff\xfe"'), "not UTF-8: byte 44 of the line is ff"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
        (b"1" * 5000, "not JSON"),
        (b"\0\0\0", "3 NUL bytes"),
    ],
)
def test_a_broken_line_is_named_and_the_rest_is_read(check, line, said):
    tally = check(GOOD + b"\n" + line + b"\n\n" + GOOD)
    example = only(tally, "QR519")
    assert example.line == 2
    assert said in example.message
    assert (tally.read, tally.good) == (3, 2)


def test_a_row_that_is_a_list(check):
    assert only(check(GOOD + b"\n[1, 2]\n"), "QR520").message == "not a map"


def test_a_deep_row_that_can_be_read(check):
    row = json.loads(GOOD)
    row["extra"] = json.loads("[" * 500 + "]" * 500)
    assert check(json.dumps(row).encode()).good == 1


def test_a_gzip_named_jsonl(check):
    assert check(gzip.compress(GOOD)).good == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_other_encodings_named_jsonl(check, encoding):
    assert check((GOOD + b"\n" + GOOD).decode().replace('"q"', '"é"').encode(encoding)).good == 2


def test_a_zip_is_no_rows(check):
    assert "zip" in only(check(b"PK\x03\x04...."), "QR521").message


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_an_empty_file(check, content):
    assert only(check(content), "QR518").line == 1


def test_an_empty_array(check):
    assert only(check(b"[]", "rows.json"), "QR518").line == 1


def test_a_line_of_200_mb(check, tmp_path):
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as file:
        file.write(GOOD + b'\n{"messages": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + GOOD + b"\n")
    tally = check(None)
    example = only(tally, "QR519")
    assert (example.line, example.message) == (2, "the line is longer than 16 MiB (RECIPES_MAX_ROW_MIB)")
    assert (tally.read, tally.good) == (3, 2)


def test_lines_are_numbered_across_stretches(check, monkeypatch):
    monkeypatch.setattr(row_reader, "CHUNK_BYTES", 500)
    lines = [GOOD] * 60
    lines[41] = b"nope"
    tally = check(b"\n".join(lines))
    assert only(tally, "QR519").line == 42
    assert (tally.read, tally.good) == (60, 59)


def test_any_size_of_stretch_reads_the_same_lines(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf1\n22\n\n333\r\n4444")
    for size in range(1, 20):
        stretches = [row_reader.ByteRange(path, at, min(at + size, 18), 18) for at in range(0, 18, size)]
        assert [r.row for s in stretches for r in row_reader.read_raw_rows(s)] == [1, 22, 333, 4444]


def test_a_file_that_grows_while_it_is_read(check, tmp_path, monkeypatch):
    path = tmp_path / "rows.jsonl"
    path.write_bytes((GOOD + b"\n") * 50)
    read, grown = row_reader.read_raw_rows, threading.Event()

    def slowly(work, lines=None):
        for record in read(work, lines):
            if not grown.is_set():
                grown.set()
                with path.open("ab") as file:
                    file.write((GOOD + b"\n") * 50 + GOOD[:20])
            yield record

    monkeypatch.setattr("qwen_recipes.guards.rows.row_checker.read_raw_rows", slowly)
    tally = check(None)
    assert "bytes when reading began" in only(tally, "QR522").message
    assert tally.good == 50, "what was there at first, and no half line"


def test_json_arrays_of_any_form(check):
    assert check(b"[" + b",\n ".join([GOOD] * 2500) + b"]", "rows.json").good == 2500
    assert check(GOOD, "one.json").good == 1
    assert check(GOOD + b"\n" + GOOD, "lines.json").good == 2
    tally = check(b"[" + GOOD + b", {broken ]", "cut.json")
    assert (tally.good, only(tally, "QR519").line) == (1, 2)
    assert only(check(b"[" + GOOD + b"," + b'{"a":' * 100_000, "deep.json"), "QR519").line == 2


def test_csv_with_an_endless_field(check):
    rows = b"prompt,completion\nq,a\nq2," + b"x" * (17 << 20) + b"\n"
    tally = check(rows, "rows.csv", "prompt-completion")
    assert tally.good == 1
    assert "16 MiB" in only(tally, "QR519").message


def test_csv_that_is_not_utf_8(check):
    tally = check(b"prompt,completion\nq,\xff\xfe\n", "rows.csv", "prompt-completion")
    assert "`encoding`" in only(tally, "QR519").message


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 and so on")
    result = CliRunner().invoke(main, ["data", "check", str(path)])
    assert result.exit_code == 4
    assert "needs pyarrow" in result.output


@pytest.mark.parametrize("command", ["check", "preview", "prepare"])
def test_a_file_that_is_not_there(tmp_path, command):
    more = ["-o", str(tmp_path / "out.jsonl")] if command == "prepare" else []
    result = CliRunner().invoke(main, ["data", command, str(tmp_path / "none.jsonl"), *more])
    assert result.exit_code == 2
    assert "does not exist" in result.output


CONTENTS = [
    b"",
    b"\0\0",
    b"[[[[",
    gzip.compress(GOOD, mtime=0),
    b"\xff\xfe",
    b"{",
    b'"',
    b"null",
    b"[1]",
    b"\xed\xa0\x80",
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv"])
def test_prepare_leaves_out_and_does_not_crash(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    result = CliRunner().invoke(main, ["data", "prepare", str(tmp_path / name), "-o", str(tmp_path / "out.jsonl")])
    good = content[:2] == b"\x1f\x8b"  # JSON lines, whatever the file's name says
    assert result.exit_code == (0 if good else 1), result.output
    assert (tmp_path / "out.jsonl").exists() == good


def test_preview_says_why_there_is_no_row(tmp_path):
    files = []
    for number, content in enumerate(CONTENTS):
        files.append(tmp_path / f"{number}.jsonl")
        files[-1].write_bytes(content)
    result = CliRunner().invoke(main, ["data", "preview", *map(str, files), "--rows", "20"])
    assert result.exit_code == 0
    for said in ("the file is empty", "2 NUL bytes", "not JSON", "not a map", "not UTF-8"):
        assert said in result.output
