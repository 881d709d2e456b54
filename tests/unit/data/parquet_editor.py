"""Parquet files whose pages say other things than the file's metadata: headers and footer are written anew."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import parquet

Struct = dict[int, tuple[int, Any]]
"""A struct of Thrift's compact protocol: kind and value by field number."""
BOOLEANS, BYTE, INTEGERS, DOUBLE, BINARY, LISTS, STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12
UNPACKED, PACKED, DATA_PAGE, VALUES = 2, 3, 5, 1
ROWS, ROW_GROUPS, COLUMNS, META, VALUES_IN_ALL, TOTAL_UNPACKED, TOTAL_PACKED, DATA_OFFSET = 3, 4, 1, 3, 5, 6, 7, 9


@dataclass
class Page:
    """A page: its header, and its bytes as they are in the file."""

    header: Struct
    content: bytes

    def state(self, number: int, value: int) -> None:
        """Let the header say something else."""
        self.header[number] = (self.header[number][0], value)


def build_parquet(
    column: Any, edit: Callable[[list[Page]], None], columns: int = 1, codec: str = "brotli", rows: int = 0, **more: Any
) -> bytes:
    """A file of a column named `text`, with its pages edited.

    `columns` says how often the column's bytes are used, `rows` how many the metadata states.
    """
    stream = io.BytesIO()
    more = {"use_dictionary": False, "write_statistics": False, **more}
    names = ["text", *(f"c{place}" for place in range(1, columns))]
    table = pa.table([column] * columns, names)
    parquet.write_table(table, stream, compression=codec, row_group_size=len(column), **more)
    data = stream.getvalue()
    length = int.from_bytes(data[-8:-4], "little")
    footer, _ = read_struct(data[-8 - length : -8], 0)
    first = next(list_columns(footer))
    start = first[DATA_OFFSET][1]
    pages = list(split_pages(data[start : start + first[TOTAL_PACKED][1]]))
    edit(pages)
    body = b"PAR1" + b"".join(write_struct(page.header) + page.content for page in pages)
    for one in list_columns(footer):
        one[DATA_OFFSET] = (one[DATA_OFFSET][0], 4)
        one[TOTAL_PACKED] = (one[TOTAL_PACKED][0], len(body) - 4)
        if rows:
            one[VALUES_IN_ALL] = (one[VALUES_IN_ALL][0], rows)
    if rows:
        for whole in (footer, *footer[ROW_GROUPS][1][1]):
            whole[ROWS] = (whole[ROWS][0], rows)
    written = write_struct(footer)
    return body + written + len(written).to_bytes(4, "little") + b"PAR1"


def list_columns(footer: Struct) -> Iterator[Struct]:
    """The metadata of each column of each row group."""
    for group in footer[ROW_GROUPS][1][1]:
        for column in group[COLUMNS][1][1]:
            yield column[META][1]


def split_pages(data: bytes) -> Iterator[Page]:
    """The pages of a column."""
    place = 0
    while place < len(data):
        header, end = read_struct(data, place)
        place = end + header[PACKED][1]
        yield Page(header, data[end:place])


def read_struct(data: bytes, place: int) -> tuple[Struct, int]:
    """A struct and where it ends."""
    found: Struct = {}
    number = 0
    while mark := data[place]:
        place += 1
        if mark >> 4:
            number += mark >> 4
        else:
            number, place = read_integer(data, place)
        value, place = read_value(data, place, mark & 15)
        found[number] = (mark & 15, value)
    return found, place + 1


def read_value(data: bytes, place: int, kind: int) -> tuple[Any, int]:
    """A value of a kind and where it ends."""
    if kind in BOOLEANS:
        return None, place
    if kind in INTEGERS:
        return read_integer(data, place)
    if kind in (BYTE, DOUBLE):
        size = 1 if kind == BYTE else 8
        return data[place : place + size], place + size
    if kind == BINARY:
        size, place = read_varint(data, place)
        return data[place : place + size], place + size
    if kind == STRUCT:
        return read_struct(data, place)
    assert kind in LISTS
    inner, count, place = data[place] & 15, data[place] >> 4, place + 1
    if count == 15:
        count, place = read_varint(data, place)
    items = []
    for _ in range(count):
        item, place = (data[place], place + 1) if inner in BOOLEANS else read_value(data, place, inner)
        items.append(item)
    return (inner, items), place


def read_varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte."""
    value = shift = 0
    while True:
        value |= (data[place] & 127) << shift
        shift, place = shift + 7, place + 1
        if data[place - 1] < 128:
            return value, place


def read_integer(data: bytes, place: int) -> tuple[int, int]:
    """A number with a sign."""
    value, place = read_varint(data, place)
    return (value >> 1) ^ -(value & 1), place


def write_struct(fields: Struct) -> bytes:
    """A struct's bytes."""
    parts, before = [], 0
    for number, (kind, value) in sorted(fields.items()):
        parts += [bytes([(number - before) << 4 | kind]), write_value(kind, value)]
        before = number
    return b"".join([*parts, b"\0"])


def write_value(kind: int, value: Any) -> bytes:
    """A value's bytes."""
    if kind in BOOLEANS:
        return b""
    if kind in INTEGERS:
        return write_varint((value << 1) ^ (value >> 63))
    if kind in (BYTE, DOUBLE):
        return bytes(value)
    if kind == BINARY:
        return write_varint(len(value)) + bytes(value)
    if kind == STRUCT:
        return write_struct(value)
    inner, items = value
    head = bytes([len(items) << 4 | inner]) if len(items) < 15 else bytes([0xF0 | inner]) + write_varint(len(items))
    return head + b"".join(bytes([one]) if inner in BOOLEANS else write_value(inner, one) for one in items)


def write_varint(value: int) -> bytes:
    """The bytes of a number, seven bits each."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
