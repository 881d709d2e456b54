"""Batches of Arrow in pieces that may become Python objects together.

Arrow holds nulls without a byte, and a value once that many rows share; Python holds eight bytes and more for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import limits

PIECE_ROWS = 1000
PIECE_BYTES = 64 << 20
"""Bytes that the values of a piece of more than one row take in Arrow."""
PIECE_VALUES = 2_000_000
"""Values of a piece of more than one row, those within lists and maps among them."""
VALUE_BYTES = 32
"""What each value counts as, at least; as in `limits.measure_value`."""


def cut_batch(batch: Any, limit: int) -> Iterator[Any]:
    """A batch in halves until each may be made rows, or is one row. Raises ValueError for more than `limit` bytes."""
    if count_values(batch) * VALUE_BYTES > limit:
        raise ValueError(limits.explain_expansion(f"a batch of {count_values(batch):,} values"))
    waiting = [batch]
    while waiting:
        piece = waiting.pop()
        if piece.num_rows > 1 and _is_large(piece):
            half = piece.num_rows // 2
            waiting += [piece.slice(half), piece.slice(0, half)]
        elif piece.num_rows:
            yield piece


def is_long_row(piece: Any) -> bool:
    """Whether a piece of one row holds more than a row may, written as JSON."""
    if piece.num_rows != 1:
        return False
    return _measure_own_bytes(piece) > limits.MAX_ROW_BYTES or 2 * count_values(piece) > limits.MAX_ROW_BYTES


def _measure_own_bytes(piece: Any) -> int:
    """Bytes of the values that the rows do not share."""
    return sum(column.nbytes for column in piece.columns if not may_share_values(column.type))


def _is_large(piece: Any) -> bool:
    many = piece.num_rows > PIECE_ROWS or count_values(piece) > PIECE_VALUES
    return many or piece.nbytes > PIECE_BYTES or _measure_own_bytes(piece) > limits.MAX_ROW_BYTES


def may_share_values(kind: Any) -> bool:
    """Whether rows of an Arrow type may share a value that is stored once, at any depth."""
    from pyarrow import types

    shares = (types.is_dictionary, types.is_run_end_encoded, types.is_list_view, types.is_large_list_view)
    views = (types.is_string_view, types.is_binary_view)
    return any(one(kind) for one in (*shares, *views)) or any(
        may_share_values(kind.field(place).type) for place in range(kind.num_fields)
    )


def count_values(batch: Any) -> int:
    """Python objects that a batch becomes, at most: its values, and those within lists, maps and structs."""
    return sum(map(_count, batch.columns))


def _count(array: Any) -> int:
    import pyarrow
    from pyarrow import types

    kind = array.type
    if isinstance(array, pyarrow.ExtensionArray):
        return _count(array.storage)
    if types.is_struct(kind):
        return len(array) + sum(_count(array.field(place)) for place in range(kind.num_fields))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_map(kind) or types.is_fixed_size_list(kind):
        return len(array) + _count_items(array)
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        return len(array) + _count_shared_items(array)
    if types.is_dictionary(kind):
        return len(array) * _count_largest(array.dictionary)
    if types.is_run_end_encoded(kind):
        return len(array) * _count_largest(array.values)
    if types.is_union(kind):
        return len(array) * sum(_count_largest(array.field(place)) for place in range(kind.num_fields))
    return len(array)


def _count_items(array: Any) -> int:
    """Of lists whose items follow one another; where a list is null, what lies there is counted too."""
    from pyarrow import types

    if not len(array):
        return 0
    if types.is_fixed_size_list(array.type):
        start, end = (place * array.type.list_size for place in (array.offset, array.offset + len(array)))
    else:
        start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
    parts = (array.keys, array.items) if types.is_map(array.type) else (array.values,)
    return sum(_count(part.slice(start, end - start)) for part in parts)


def _count_shared_items(array: Any) -> int:
    """Of lists that may lie over each other; memory for them is taken only where they may be nested."""
    items = sum(length for length in array.value_lengths().to_pylist() if length)
    nested = array.type.value_type.num_fields > 0
    return _count(array.flatten()) if nested and items <= PIECE_VALUES else items


def _count_largest(stored: Any) -> int:
    """Objects that one of several stored values becomes, at most: all of them, where they are nested."""
    return _count(stored) if stored.type.num_fields > 0 else 1
