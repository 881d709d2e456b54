"""Parquet files whose pages say other things than their metadata: an error, soon, and in little memory."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from qwen_recipes.data.rows.row_reader import read_file_rows
from tests.conftest import ROOT

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

from tests.unit.data.parquet_editor import DATA_PAGE, PACKED, UNPACKED, VALUES, build_parquet  # noqa: E402

TEN = pa.array(["hello world"] * 10)
CODECS = ("none", "snappy", "gzip", "brotli", "zstd", "lz4")
KIND = 1


def state(number, value):
    def edit(pages):
        pages[0].state(number, value)

    return edit


def count(value):
    def edit(pages):
        inner = dict(pages[0].header[DATA_PAGE][1])
        inner[VALUES] = (5, value)
        pages[0].header[DATA_PAGE] = (12, inner)

    return edit


def fill_up(pages):
    """Two hundred pages of a value and of 100 MiB that nobody asks for."""
    page = pages[0]
    raw = pa.decompress(page.content, page.header[UNPACKED][1], codec="brotli", asbytes=True) + bytes(100 << 20)
    page.content = pa.compress(raw, codec="brotli", asbytes=True)
    page.state(UNPACKED, len(raw))
    page.state(PACKED, len(page.content))
    pages *= 200


EDITS = {
    "2 GiB unpacked": state(UNPACKED, 2**31 - 1),
    "less than nothing unpacked": state(UNPACKED, -1),
    "2 GiB packed": state(PACKED, 2**31 - 1),
    "nothing packed": state(PACKED, 0),
    "less than nothing packed": state(PACKED, -5),
    "too many values": count(2**31 - 1),
    "too few values": count(5),
    "values below zero": count(-1),
    "a page of no kind": state(KIND, 9),
    "a page of another kind": state(KIND, 3),
    "no page": lambda pages: pages.clear(),
    "pages twice": lambda pages: pages.extend(pages),
}
MEASURED = """
import re, sys
from pathlib import Path
from qwen_recipes.data.rows.row_reader import read_file_rows
print([row.problem for row in read_file_rows(Path(sys.argv[1])) if row.problem])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", EDITS)
def test_a_page_that_says_something_else_is_an_error(tmp_path, name, codec):
    (tmp_path / "a.parquet").write_bytes(build_parquet(TEN, EDITS[name], codec=codec))
    rows = list(read_file_rows(tmp_path / "a.parquet"))
    if name != "pages twice":  # what lies behind the last value is not read
        assert [row.problem for row in rows if row.problem], rows
        assert rows[-1].problem.startswith("can't be read as Parquet from here on: ")
    assert len(rows) <= 10 + 1


def test_pages_that_hold_more_than_they_need_have_an_end(tmp_path):
    file = tmp_path / "a.parquet"
    file.write_bytes(build_parquet(pa.array(["a"]), fill_up, rows=200))
    assert file.stat().st_size < 60_000
    began = time.process_time()
    (row,) = read_file_rows(file)
    assert "RECIPES_MAX_EXPANSION" in row.problem and time.process_time() - began < 5


def test_columns_may_not_lie_over_each_other(tmp_path):
    column = pa.array(["x" * 100_000] * 10)
    (tmp_path / "a.parquet").write_bytes(build_parquet(column, lambda pages: None, columns=40, codec="none"))
    (row,) = read_file_rows(tmp_path / "a.parquet")
    assert "its columns take more bytes than the file has" in row.problem


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_that_of_the_file(tmp_path):
    for name in ("2 GiB unpacked", "too many values"):
        (tmp_path / "a.parquet").write_bytes(build_parquet(TEN, EDITS[name]))
        command = [sys.executable, "-c", MEASURED, str(tmp_path / "a.parquet")]
        shown = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
        assert "can't be read as Parquet" in shown and int(re.findall(r"\d+", shown)[-1]) < 250_000, "kB"


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_files_of_others_are_read(tmp_path, codec, version):
    values = [f"text {number % 70} " * 300 for number in range(3000)]
    more = {"compression": codec, "data_page_version": version, "data_page_size": 4096, "row_group_size": 1000}
    for place, dictionary in enumerate((True, False)):
        file = tmp_path / f"{place}.parquet"
        parquet.write_table(pa.table({"text": values}), file, use_dictionary=dictionary, **more)
        assert [row.row["text"] for row in read_file_rows(file)] == values
