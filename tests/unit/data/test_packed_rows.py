"""Small files of very many rows, or of very large ones: what they may become has a limit, in time and in memory."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
import time

import pytest

from qwen_recipes.data.rows import limits
from qwen_recipes.data.rows.memory_limit import limit_memory
from qwen_recipes.data.rows.row_reader import read_file_rows, split_file
from tests.conftest import ROOT

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
BIG = "x" * (1 << 20)


def write_parquet(path, column, **more):
    parquet.write_table(pa.table({"text": column}), path, compression="zstd", **more)


def write_arrow(path, column, compression=None):
    batch = pa.record_batch({"text": column})
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema, options=options) as writer:
        writer.write_batch(batch)


def number(*values):
    return pa.array(values, pa.int32())


def make_bits(count):
    return pa.Array.from_buffers(pa.bool_(), count, [None, pa.py_buffer(bytes(count // 8))])


FILES = {
    "one text for all rows.parquet": lambda path: write_parquet(
        path, pa.DictionaryArray.from_arrays(number(*[0] * 3000), pa.array([BIG]))
    ),
    "one text in lists.parquet": lambda path: write_parquet(
        path, pa.ListArray.from_arrays(number(*range(101)), pa.array([BIG] * 100))
    ),
    "rows of nothing.parquet": lambda path: write_parquet(path, pa.nulls(3_000_000, pa.string())),
    "rows of nothing.arrow": lambda path: write_arrow(path, pa.Array.from_buffers(pa.null(), 2**31 - 2, [None])),
    "one text for all rows.arrow": lambda path: write_arrow(
        path, pa.DictionaryArray.from_arrays(number(*[0] * 3000), pa.array([BIG]))
    ),
    "one run.arrow": lambda path: write_arrow(path, pa.RunEndEncodedArray.from_arrays(number(3000), pa.array([BIG]))),
    "many runs.arrow": lambda path: write_arrow(
        path, pa.RunEndEncodedArray.from_arrays(number(2**31 - 1), pa.array(["a"]))
    ),
    "one list for all rows.arrow": lambda path: write_arrow(
        path, pa.ListViewArray.from_arrays(number(*[0] * 3000), number(*[9000] * 3000), pa.array(["a"] * 9000))
    ),
    "a list of nothing.arrow": lambda path: write_arrow(
        path, pa.ListArray.from_arrays(number(0, 2**31 - 1), pa.nulls(2**31 - 1))
    ),
    "a list of fixed length.arrow": lambda path: write_arrow(
        path, pa.FixedSizeListArray.from_arrays(pa.nulls(10**9), 10**9)
    ),
    "a map of nothing.arrow": lambda path: write_arrow(
        path, pa.MapArray.from_arrays(number(0, 5_000_000), pa.array([b""] * 5_000_000), pa.nulls(5_000_000)), "zstd"
    ),
    "a thousand fields of nothing.arrow": lambda path: write_arrow(
        path, pa.StructArray.from_arrays([pa.nulls(200_000)] * 1000, [f"c{place}" for place in range(1000)])
    ),
    "one dictionary of lists.arrow": lambda path: write_arrow(
        path,
        pa.DictionaryArray.from_arrays(number(*[0] * 900), pa.ListArray.from_arrays(number(0, 9000), pa.nulls(9000))),
    ),
    "packed bits.arrow": lambda path: write_arrow(
        path, pa.ListArray.from_arrays(number(0, 80_000_000), make_bits(80_000_000)), "zstd"
    ),
    "packed buffers.arrow": lambda path: write_arrow(path, pa.array([BIG] * 100), "zstd"),
    "rows of a number.jsonl.gz": lambda path: path.write_bytes(gzip.compress(b"1\n" * 900_000)),
    "rows of commas.csv.gz": lambda path: path.write_bytes(gzip.compress(b"a,b\n" + b",\n" * 900_000)),
    "a list of numbers.json.gz": lambda path: path.write_bytes(gzip.compress(b"[" + b"1," * 900_000 + b"1]")),
}


@pytest.mark.parametrize("name", FILES)
def test_a_small_file_of_much_has_an_end(tmp_path, name):
    FILES[name](tmp_path / name)
    began, size, last = time.process_time(), 0, None
    for last in read_file_rows(tmp_path / name):
        size += max(limits.MIN_ROW_BYTES, limits.measure_value(last.row))
    assert "RECIPES_MAX_EXPANSION" in last.problem
    assert size <= limits.get_expanded_limit((tmp_path / name).stat().st_size) + limits.MIN_ROW_BYTES
    assert time.process_time() - began < 5


def test_a_row_that_is_too_large_is_named_and_the_others_are_read(tmp_path):
    write_arrow(tmp_path / "a.arrow", pa.array(["a", "x" * (17 << 20), "b"]))
    write_parquet(tmp_path / "a.parquet", pa.array(["a", "".join(map(str, range(2_800_000))), "b"]))
    for name in ("a.arrow", "a.parquet"):
        first, long, last = read_file_rows(tmp_path / name)
        assert (first.row, last.row, last.number) == ({"text": "a"}, {"text": "b"}, 3)
        assert long.row is None and "RECIPES_MAX_ROW_MIB" in long.problem


def test_large_rows_are_not_held_together(tmp_path):
    write_arrow(tmp_path / "a.arrow", pa.array([BIG * 3] * 20))
    parts = list(split_file(tmp_path / "a.arrow"))
    assert [len(part) for part in parts] == [3] * 6 + [2]


MEASURED = """
import re, sys
from pathlib import Path
from qwen_recipes.data.rows import arrow_rows
from qwen_recipes.data.rows.row_reader import read_file_rows
arrow_rows.LIBRARY_BYTES = 1 << 20
print([row.problem for row in read_file_rows(Path(sys.argv[1]))])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_batch_that_wants_too_much_memory_is_refused(tmp_path):
    write_arrow(tmp_path / "a.arrow", pa.array([BIG] * 300), "zstd")
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "a.arrow")]
    shown = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert shown.count("RECIPES_MAX_EXPANSION") == 1 and int(shown.split()[-1]) < 250_000
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(MemoryError), limit_memory(1 << 20):
        bytearray(1 << 32)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_column_that_is_there_twice_is_named(tmp_path):
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        (row,) = read_file_rows(tmp_path / name)
        assert row.row is None and "the column 'text' occurs twice" in row.problem


def test_a_column_of_few_values_is_read(tmp_path):
    labels = pa.DictionaryArray.from_arrays(number(*[0, 1] * 5000), pa.array(["good", "bad"]))
    write_parquet(tmp_path / "a.parquet", labels)
    write_arrow(tmp_path / "a.arrow", labels)
    for name in ("a.parquet", "a.arrow"):
        assert [row.row["text"] for row in read_file_rows(tmp_path / name)] == ["good", "bad"] * 5000
