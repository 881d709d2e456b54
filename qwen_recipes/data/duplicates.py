"""Duplicates among any number of rows: what is known of each lies in a scratch file and is looked at in passes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen_recipes.data.sketch import BAND, NEAR, SIZE, alike

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

AT_ONCE = 100_000
"""Rows looked at in one pass: bounds memory to about 20 MB."""
BLOCK = 50_000
FIELDS = [("hash", "<u8"), ("line", "<u4"), ("source", "<u2"), ("validation", "u1"), ("sketch", "u1", (SIZE,))]


class Place(NamedTuple):
    """A row: its file's number, its line, and whether it is a validation row."""

    source: int
    line: int
    validation: bool


@dataclass
class Repeats:
    """Rows that repeat an earlier one: how many, some with the one they repeat, and a bit for each row."""

    count: int = 0
    shown: list[tuple[Place, Place]] = field(default_factory=list)
    leaked: int = 0
    """Rows of validation with the same text as a row of train."""
    leaks: list[tuple[Place, Place]] = field(default_factory=list)
    which: Array | None = None


class Duplicates:
    """Takes rows as they come, tells of their repeats at the end. Use as a context: it owns a scratch file."""

    def __init__(self, shown: int = 5) -> None:
        self.shown, self.rows = shown, 0
        self.scratch = tempfile.TemporaryFile(prefix="qwen-recipes-")  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Duplicates:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.scratch.close()

    def add(self, rows: Array) -> None:
        """Rows of `record_type`."""
        self.scratch.write(rows.tobytes())
        self.rows += len(rows)

    def exact(self) -> Repeats:
        """Rows whose text is that of an earlier one."""
        import numpy

        found = Repeats(which=numpy.zeros(self.rows, numpy.bool_))
        for rows, places in self._passes(lambda block: block["hash"]):
            order = numpy.argsort(rows["hash"], kind="stable")
            self._runs(found, rows[order], places[order], rows["hash"][order])
        return found

    def near(self, exact: Repeats) -> Repeats:
        """Rows whose wording is for the most part that of an earlier one; those with equal text are not counted."""
        import numpy

        found = Repeats(which=numpy.zeros(self.rows, numpy.bool_))
        assert exact.which is not None
        for band in range(0, SIZE, BAND):
            for rows, places in self._passes(lambda block, band=band: band_key(block, band)):
                fresh = ~exact.which[places]
                rows, places = rows[fresh], places[fresh]
                keys = band_key(rows, band)
                order = numpy.argsort(keys, kind="stable")
                self._runs(found, rows[order], places[order], keys[order], near=True)
        return found

    def _runs(self, found: Repeats, rows: Array, places: Array, keys: Array, near: bool = False) -> None:
        """Mark what repeats the first of its run of equal keys."""
        import numpy

        if len(keys) < 2:
            return
        begins = numpy.concatenate([[True], keys[1:] != keys[:-1]])
        first = numpy.maximum.accumulate(numpy.where(begins, numpy.arange(len(keys)), 0))
        repeats = numpy.flatnonzero(~begins)
        if near:
            repeats = repeats[alike(rows["sketch"][repeats], rows["sketch"][first[repeats]]) >= NEAR]
        assert found.which is not None
        repeats = repeats[~found.which[places[repeats]]]
        found.which[places[repeats]] = True
        found.count += len(repeats)
        for at in repeats[: max(0, self.shown - len(found.shown))]:
            found.shown.append((place(rows[at]), place(rows[first[at]])))
        self._leaks(found, rows, first, near)

    def _leaks(self, found: Repeats, rows: Array, first: Array, near: bool) -> None:
        """Validation rows in a run that has a training row; training rows come first, so the first of it is one."""
        import numpy

        if near:
            return
        leaked = numpy.flatnonzero((rows["validation"] == 1) & (rows["validation"][first] == 0))
        found.leaked += len(leaked)
        for at in leaked[: max(0, self.shown - len(found.leaks))]:
            found.leaks.append((place(rows[at]), place(rows[first[at]])))

    def _passes(self, key: Any) -> Iterator[tuple[Array, Array]]:
        """The rows, and their places, in parts that hold all rows of a key."""
        import numpy

        passes = max(1, -(-self.rows // AT_ONCE))
        for number in range(passes):
            rows, places = [], []
            for start, block in self._blocks():
                mine = numpy.flatnonzero(key(block) % numpy.uint64(passes) == number)
                rows.append(block[mine])
                places.append(mine + start)
            if rows:
                yield numpy.concatenate(rows), numpy.concatenate(places)

    def _blocks(self) -> Iterator[tuple[int, Array]]:
        import numpy

        kind = record_type()
        self.scratch.seek(0)
        start = 0
        while content := self.scratch.read(BLOCK * kind.itemsize):
            block = numpy.frombuffer(content, kind)
            yield start, block
            start += len(block)


def record_type() -> Any:
    """What is kept of a row: 55 bytes."""
    import numpy

    return numpy.dtype(FIELDS)


def place(row: Any) -> Place:
    """Where a kept row stands."""
    return Place(int(row["source"]), int(row["line"]), bool(row["validation"]))


def band_key(rows: Array, band: int) -> Array:
    """One band of each row's sketch, as a number."""
    import numpy

    wide = numpy.zeros((len(rows), 8), numpy.uint8)
    wide[:, :BAND] = rows["sketch"][:, band : band + BAND]
    key: Array = wide.view("<u8").ravel()
    return key
