"""What the pages of a Parquet file say of their own sizes: a reader unpacks by them, not by the file's metadata.

A page begins with a header in Thrift's compact protocol (parquet-format, `PageHeader`): field 2 is the page's size
unpacked, field 3 its size in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

HEAD_BYTES = 4096
MAX_HEAD_BYTES = 16 << 20
"""Bytes of a header, at most; it may hold the smallest and the largest value."""
MAX_METADATA_BYTES = 1 << 16
"""Bytes of metadata that are read to count rows; a file without rows has few."""
MAX_STRUCTS = 16
"""Structs and lists within each other in a header, at most."""
_UNPACKED, _PACKED = 2, 3
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _MAP, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 11, 12


def measure_columns(file: IO[bytes], metadata: object, size: int) -> int:
    """Bytes that all pages of a file take unpacked, by their headers and by its metadata, whichever says more.

    `size` is the file's. Raises ValueError where columns lie over each other, or a page has no readable header.
    """
    packed = unpacked = 0
    for column in _list_columns(metadata):
        packed += column.total_compressed_size
        if column.total_compressed_size < 0 or packed > size:
            raise ValueError("its columns take more bytes than the file has")
        pages = _measure_pages(file, _find_start(column), column.total_compressed_size)
        unpacked += max(column.total_uncompressed_size, pages)
    return unpacked


def count_rows(file: IO[bytes], size: int) -> int | None:
    """The rows that a file's metadata states, `size` being the file's; None where that can't be read cheaply.

    The metadata (`FileMetaData`) has them in field 3, as a page's header has its size.
    """
    file.seek(size - 8)
    length = int.from_bytes(file.read(4), "little")
    if not 0 < length <= min(size - 12, MAX_METADATA_BYTES):
        return None
    file.seek(size - 8 - length)
    try:
        return _Header(file.read(length)).packed
    except (ValueError, EOFError):
        return None


def _list_columns(metadata: Any) -> Iterator[Any]:
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        yield from map(group.column, range(group.num_columns))


def _find_start(column: Any) -> int:
    data: int = column.data_page_offset
    first: int | None = column.dictionary_page_offset if column.has_dictionary_page else None
    return min(data, first) if first else data


def _measure_pages(file: IO[bytes], start: int, size: int) -> int:
    """Bytes that the pages in a stretch of the file take unpacked."""
    place, unpacked = start, 0
    while place < start + size:
        header = _read_header(file, place)
        if header.packed < 0 or header.unpacked < 0:
            raise ValueError(f"the page at byte {place} states a size below zero")
        place, unpacked = place + header.length + header.packed, unpacked + header.unpacked
    return unpacked


class _Header:
    """The sizes that a page's header states, and the header's own length in bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.length = data, 0
        self.unpacked = self.packed = -1
        self._read_struct(MAX_STRUCTS, top=True)

    def _read_struct(self, levels: int, *, top: bool = False) -> None:
        number = 0
        while mark := self._read_byte():
            number = number + (mark >> 4) if mark >> 4 else _unfold(self._read_number())
            kind = mark & 15
            if top and kind in _INTEGERS and number in (_UNPACKED, _PACKED):
                value = _unfold(self._read_number())
                self.unpacked, self.packed = (value, self.packed) if number == _UNPACKED else (self.unpacked, value)
            elif kind not in _BOOLEANS:
                self._skip(kind, levels)

    def _skip(self, kind: int, levels: int) -> None:
        if not levels:
            raise ValueError("a page's header is nested too deeply")
        if kind in _INTEGERS:
            self._read_number()
        elif kind in (*_BOOLEANS, _BYTE, _DOUBLE):
            self._pass(8 if kind == _DOUBLE else 1)
        elif kind == _BINARY:
            self._pass(self._read_number())
        elif kind == _STRUCT:
            self._read_struct(levels - 1)
        elif kind in _LISTS:
            self._skip_list(levels - 1)
        else:
            raise ValueError("a page's header holds what no header has")

    def _skip_list(self, levels: int) -> None:
        mark = self._read_byte()
        for _ in range(mark >> 4 if mark >> 4 < 15 else self._read_number()):
            self._skip(mark & 15, levels)

    def _read_byte(self) -> int:
        self._pass(1)
        return self.data[self.length - 1]

    def _read_number(self) -> int:
        value = shift = 0
        while True:
            byte = self._read_byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a page's header holds a number without end")

    def _pass(self, count: int) -> None:
        self.length += count
        if self.length > len(self.data):
            raise EOFError


def _unfold(value: int) -> int:
    """A number as Thrift writes it, with its sign in the last bit."""
    return (value >> 1) ^ -(value & 1)


def _read_header(file: IO[bytes], offset: int) -> _Header:
    """The header of the page that begins at a byte. Raises ValueError."""
    size = HEAD_BYTES
    while True:
        file.seek(offset)
        data = file.read(size)
        try:
            return _Header(data)
        except EOFError:
            if len(data) < size or size >= MAX_HEAD_BYTES:
                raise ValueError(f"there is no page at byte {offset}") from None
            size *= 16
