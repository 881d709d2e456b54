"""Duplicates among any number of rows: what is known of each lies in a scratch file and is looked at in passes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen_recipes.data.minhash import BAND_SIZE, NEAR_DUPLICATE_SIMILARITY, SKETCH_SIZE, estimate_similarity

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

ROWS_PER_PASS = 100_000
"""Rows looked at in one pass: bounds memory to about 20 MB."""
ROWS_PER_BLOCK = 50_000
ROW_FIELDS = [
    ("hash", "<u8"),
    ("line", "<u4"),
    ("source", "<u2"),
    ("validation", "u1"),
    ("sketch", "u1", (SKETCH_SIZE,)),
]


class RowLocation(NamedTuple):
    """A row: its file's number, its line, and whether it is a validation row."""

    source: int
    line: int
    validation: bool


@dataclass
class DuplicateReport:
    """Rows that repeat an earlier one: how many, some with the one they repeat, and a bit for each row."""

    count: int = 0
    repeated_pairs: list[tuple[RowLocation, RowLocation]] = field(default_factory=list)
    leaked_count: int = 0
    """Rows of validation with the same text as a row of train."""
    leaked_pairs: list[tuple[RowLocation, RowLocation]] = field(default_factory=list)
    repeat_mask: Array | None = None


class DuplicateFinder:
    """Takes rows as they come, tells of their repeats at the end. Use as a context: it owns a scratch file."""

    def __init__(self, max_pairs: int = 5) -> None:
        self.max_pairs, self.rows = max_pairs, 0
        self.scratch = tempfile.TemporaryFile(prefix="qwen-recipes-")  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> DuplicateFinder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scratch.close()

    def add_rows(self, rows: Array) -> None:
        """Rows of `row_dtype`."""
        self.scratch.write(rows.tobytes())
        self.rows += len(rows)

    def find_exact(self) -> DuplicateReport:
        """Rows whose text is that of an earlier one."""
        import numpy

        found = DuplicateReport(repeat_mask=numpy.zeros(self.rows, numpy.bool_))
        for rows, places in self._read_passes(lambda block: block["hash"]):
            order = numpy.argsort(rows["hash"], kind="stable")
            self._mark_repeats(found, rows[order], places[order], rows["hash"][order])
        return found

    def find_near(self, exact_duplicates: DuplicateReport) -> DuplicateReport:
        """Rows whose wording is for the most part that of an earlier one; those with equal text are not counted."""
        import numpy

        found = DuplicateReport(repeat_mask=numpy.zeros(self.rows, numpy.bool_))
        assert exact_duplicates.repeat_mask is not None
        for band in range(0, SKETCH_SIZE, BAND_SIZE):
            for rows, places in self._read_passes(lambda block, band=band: compute_band_key(block, band)):
                fresh = ~exact_duplicates.repeat_mask[places]
                rows, places = rows[fresh], places[fresh]
                keys = compute_band_key(rows, band)
                order = numpy.argsort(keys, kind="stable")
                self._mark_repeats(found, rows[order], places[order], keys[order], near=True)
        return found

    def _mark_repeats(
        self, report: DuplicateReport, rows: Array, places: Array, keys: Array, near: bool = False
    ) -> None:
        """Mark what repeats the first of its run of equal keys."""
        import numpy

        if len(keys) < 2:
            return
        begins = numpy.concatenate([[True], keys[1:] != keys[:-1]])
        first = numpy.maximum.accumulate(numpy.where(begins, numpy.arange(len(keys)), 0))
        repeats = numpy.flatnonzero(~begins)
        if near:
            repeats = repeats[
                estimate_similarity(rows["sketch"][repeats], rows["sketch"][first[repeats]])
                >= NEAR_DUPLICATE_SIMILARITY
            ]
            repeats = repeats[_stand_in_other_rows(rows, repeats, first)]
        assert report.repeat_mask is not None
        repeats = repeats[~report.repeat_mask[places[repeats]]]
        report.repeat_mask[places[repeats]] = True
        report.count += len(repeats)
        for at in repeats[: max(0, self.max_pairs - len(report.repeated_pairs))]:
            report.repeated_pairs.append((get_row_location(rows[at]), get_row_location(rows[first[at]])))
        self._mark_leaks(report, rows, first, near)

    def _mark_leaks(self, report: DuplicateReport, rows: Array, first: Array, near: bool) -> None:
        """Validation rows in a run that has a training row; training rows come first, so the first of it is one."""
        import numpy

        if near:
            return
        leaked = numpy.flatnonzero((rows["validation"] == 1) & (rows["validation"][first] == 0))
        report.leaked_count += len(leaked)
        for at in leaked[: max(0, self.max_pairs - len(report.leaked_pairs))]:
            report.leaked_pairs.append((get_row_location(rows[at]), get_row_location(rows[first[at]])))

    def _read_passes(self, key: Any) -> Iterator[tuple[Array, Array]]:
        """The rows, and their places, in parts that hold all rows of a key."""
        import numpy

        passes = max(1, -(-self.rows // ROWS_PER_PASS))
        for number in range(passes):
            rows, places = [], []
            for start, block in self._read_blocks():
                mine = numpy.flatnonzero(key(block) % numpy.uint64(passes) == number)
                rows.append(block[mine])
                places.append(mine + start)
            if rows:
                yield numpy.concatenate(rows), numpy.concatenate(places)

    def _read_blocks(self) -> Iterator[tuple[int, Array]]:
        import numpy

        kind = row_dtype()
        self.scratch.seek(0)
        start = 0
        while content := self.scratch.read(ROWS_PER_BLOCK * kind.itemsize):
            block = numpy.frombuffer(content, kind)
            yield start, block
            start += len(block)


def _stand_in_other_rows(rows: Array, repeats: Array, first: Array) -> Array:
    """Whether each repeat is of another row: the examples of one conversation share its beginning."""
    same: Array = (rows["line"][repeats] == rows["line"][first[repeats]]) & (
        rows["source"][repeats] == rows["source"][first[repeats]]
    )
    return ~same


def row_dtype() -> Any:
    """What is kept of a row: 55 bytes."""
    import numpy

    return numpy.dtype(ROW_FIELDS)


def get_row_location(row: Any) -> RowLocation:
    """Where a kept row stands."""
    return RowLocation(int(row["source"]), int(row["line"]), bool(row["validation"]))


def compute_band_key(rows: Array, band: int) -> Array:
    """One band of each row's sketch, as a number."""
    import numpy

    wide = numpy.zeros((len(rows), 8), numpy.uint8)
    wide[:, :BAND_SIZE] = rows["sketch"][:, band : band + BAND_SIZE]
    key: Array = wide.view("<u8").ravel()
    return key
