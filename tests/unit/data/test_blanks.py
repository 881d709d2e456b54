"""Files of nothing: blanks are passed quickly, and too many of them end the reading, with the limit in the message."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import random
import time

import pytest

from qwen_recipes.data.rows import limits, row_reader, text_lines
from qwen_recipes.data.rows.csv_rows import _Lines
from qwen_recipes.data.rows.row_reader import read_file_rows
from qwen_recipes.data.rows.text_lines import TextLines

PACK = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
NOTHING = {
    "rows.jsonl": ("", ['{"text": "a"}\n', ""]),
    "rows.json": ("", ["[", '[{"text": "a"}', '[{"text": "a"},', '{"text": "a"}\n', ""]),
    "rows.csv": ("text\n", ["", "a\n"]),
    "rows.tsv": ("", ["", "text\tb\na\tb\n"]),
    "rows.txt": ("", ["", "a\n"]),
}
"""By the name of a file: how it begins, and what may stand before the blanks."""
CASES = [
    (name, start + before, blank, packed)
    for name, (start, befores) in NOTHING.items()
    for before in befores
    for blank in ("\n", " ", "\r\n", "\t", " \n", "\0")
    for packed in PACK
]


@pytest.fixture
def small_limit(monkeypatch):
    """A row may have 64 KiB; more blanks than that can be read in no time."""
    monkeypatch.setattr(limits, "MAX_ROW_BYTES", 1 << 16)
    monkeypatch.setattr(row_reader, "CHUNK_BYTES", 1 << 15)
    monkeypatch.setattr(text_lines, "BLOCK", 1 << 14)
    return 1 << 19


def make_rows(before, blank, after, size):
    return before + blank * (size // len(blank)) + after


@pytest.mark.parametrize(("name", "before", "blank", "packed"), CASES)
def test_too_many_blanks_end_a_file(tmp_path, small_limit, name, before, blank, packed):
    file = tmp_path / f"{name}{packed}"
    file.write_bytes(PACK[packed](make_rows(before, blank, '{"text": "z"}\n', small_limit).encode()))
    check_end(file)


@pytest.mark.parametrize("name", NOTHING)
def test_too_many_blanks_in_another_encoding(tmp_path, small_limit, name):
    start, (before, *_) = NOTHING[name]
    content = make_rows(start + before, "\n", "z", small_limit)
    (tmp_path / name).write_bytes(b"\xff\xfe" + content.encode("utf-16-le"))
    check_end(tmp_path / name)


def check_end(file):
    """Rows before the blanks are read, and the last says that there are too many, or that NUL bytes are no JSON."""
    *rows, last = read_file_rows(file)
    nul = "\0" in last.text
    assert nul or ("RECIPES_MAX_ROW_MIB" in last.problem and last.problem.endswith("not read"))
    assert len(rows) < 3 and all(row.row in ({"text": "a"}, {"text": "a", "b": "b"}) or row.problem for row in rows)


@pytest.mark.parametrize("name", ["rows.csv", "rows.json", "rows.jsonl", "rows.txt"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_it_takes_no_time(tmp_path, name, packed):
    file = tmp_path / f"{name}{packed}"
    file.write_bytes(PACK[packed](make_rows("", "\n", "z", 60 << 20).encode()))
    began = time.process_time()
    check_end(file)
    assert time.process_time() - began < 2


def test_blank_lines_within_quotation_marks_are_read_and_have_an_end(tmp_path, small_limit):
    for blank in ("\n", "\r\n", " \n"):
        file = tmp_path / "rows.csv"
        file.write_text(f'text,b\n"a{blank * 20_000}",c\nd,e\n', "utf-8", newline="")
        first, second = read_file_rows(file)
        assert first.row == {"text": "a" + blank * 20_000, "b": "c"} and second.row == {"text": "d", "b": "e"}
        file.write_text(make_rows('text,b\n"a', blank, "", small_limit), "utf-8", newline="")
        assert "RECIPES_MAX_ROW_MIB" in list(read_file_rows(file))[-1].problem


def test_blank_lines_within_quotation_marks_take_no_time(tmp_path):
    (tmp_path / "rows.csv").write_text(make_rows('text,b\n"a', "\n", '",c', 15 << 20), "utf-8", newline="")
    began = time.process_time()
    assert sum(1 for row in read_file_rows(tmp_path / "rows.csv") if row.row) == 1
    assert time.process_time() - began < 2


def test_a_few_blank_lines_are_passed_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(row_reader, "CHUNK_BYTES", 1 << 16)
    for number, (name, pack) in enumerate(PACK.items()):
        file = tmp_path / f"{number}.jsonl{name}"
        file.write_bytes(pack(b"\n" * 300_000 + b'{"a": 1}\n\n \t\n{"a": 2}\n' + b"\n" * 900_000 + b'{"a": 3}\n'))
        assert [row.row["a"] for row in read_file_rows(file)] == [1, 2, 3]
        assert [row.number for row in read_file_rows(file)] == [300_001, 300_004, 1_200_005]


def test_lines_are_those_of_the_standard_library(monkeypatch):
    chance = random.Random(2)
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(text_lines, "BLOCK", size)
        for _ in range(300):
            text = "".join(chance.choices(["a", "b", " ", "\r", "\n", "\r\n", '"', ","], k=chance.randrange(30)))
            lines, expected = TextLines(io.StringIO(text, newline="")), io.StringIO(text, newline="")
            assert list(iter(lines.read_line, "")) == list(expected)
            check_blank_lines(text)
            check_csv(text)


def check_blank_lines(text):
    lines, place = TextLines(io.StringIO(text, newline="")), 0
    all_lines = list(io.StringIO(text, newline=""))
    while place < len(all_lines):
        passed = lines.pass_blank_lines()
        assert all(line.isspace() for line in all_lines[place : place + passed])
        place += passed
        line = lines.read_line()
        assert line == (all_lines[place] if place < len(all_lines) else "")
        assert not line.isspace() or place == len(all_lines) - 1
        place += 1


def check_csv(text):
    lines = _Lines(io.StringIO(text, newline=""))
    assert list(filter(holds_something, read_csv(lines))) == list(
        filter(holds_something, csv.reader(io.StringIO(text, newline="")))
    )


def read_csv(lines):
    reader = csv.reader(lines)
    while True:
        lines.within_row = False
        try:
            yield next(reader)
        except StopIteration:
            return


def holds_something(row):
    return len(row) > 1 or "".join(row).strip() != ""
