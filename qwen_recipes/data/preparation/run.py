"""Read rows, make examples, decide on each, write them: two passes, so that memory holds a few numbers an example.

Inputs are only read. Outputs are written beside their place and renamed when all of them are whole.
"""

from __future__ import annotations

import json
import random
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

from qwen_recipes.data.duplicates import Duplicates, record_type
from qwen_recipes.data.preparation.decide import Fate, Groups, hold_out, mix
from qwen_recipes.data.preparation.examples import CONVERSATIONS, Wishes, examples, reasoning_of
from qwen_recipes.data.reading import Record, records, trouble, works
from qwen_recipes.data.rows.messages import BadRow, Row
from qwen_recipes.data.sketch import factors, sketch

WHY = {
    "duplicate": "the same as an earlier example",
    "near-duplicate": "nearly the same as an earlier example",
    "mixed-out": "left out for the share of reasoning",
}


class Source(NamedTuple):
    """One file of rows."""

    file: str
    layout: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Order:
    """What to do. Shares are between 0 and 1; `deduplicate` is none, exact or near; `group_by` a dotted key."""

    wishes: Wishes = field(default_factory=Wishes)
    deduplicate: str = "none"
    reasoning_share: float | None = None
    validation: float | None = None
    group_by: str | None = None
    seed: int = 42


@dataclass(frozen=True)
class Outputs:
    """Where to write; the manifest always, validation rows only where some are held out."""

    train: Path
    validation: Path
    manifest: Path


class Preparation:
    """One run. `manifest` is what is written at its end."""

    def __init__(self, sources: Sequence[Source], order: Order, progress: Callable[[int], None] | None = None) -> None:
        self.sources, self.order = sources, order
        self.progress = progress or (lambda size: None)
        self.counts: Counter[str] = Counter()
        self.dropped: list[dict[str, Any]] = []
        self.places: list[array[int]] = [array("I"), array("Q"), array("I")]
        self.reasoning = array("b")
        self.groups, self.factors = Groups(), factors()

    def run(self, outputs: Outputs) -> dict[str, Any]:
        """Write the outputs, whole or not at all, and tell what was done. Raises OSError, NoReader."""
        outputs.train.parent.mkdir(parents=True, exist_ok=True)
        with Duplicates() as duplicates, tempfile.TemporaryFile("w+b", dir=outputs.train.parent) as made:
            for number, source in enumerate(self.sources):
                self._source(number, source, duplicates, made)
            fates = self._fates(duplicates)
            return self._write(outputs, made, fates)

    def _source(self, number: int, source: Source, duplicates: Duplicates, made: IO[bytes]) -> None:
        wrong = trouble(Path(source.file))
        if wrong:
            self._bad(source, 1, wrong.message, "unreadable")
            return
        lines = 0
        for work in works(Path(source.file)):
            read = [0]
            before = made.tell()
            for record in records(work, read):
                self.counts["read"] += 1
                self._record(number, source, lines, record, duplicates, made)
            lines += read[-1]
            self.progress(made.tell() - before)

    def _record(
        self, number: int, source: Source, lines: int, record: Record, duplicates: Duplicates, made: IO[bytes]
    ) -> None:
        line = lines + record.number
        try:
            if record.problem:
                raise BadRow(record.problem)
            rows = list(examples(record.row, source.layout, source.columns, self.order.wishes))
            texts = [json.dumps(row, ensure_ascii=False) for row in rows]
            written = [text.encode("utf-8") + b"\n" for text in texts]
        except BadRow as error:
            self._bad(source, line, str(error))
            return
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self._bad(source, line, f"can't be read as {source.layout}: {error}")
            return
        self.counts["rows_used"] += 1
        for part, (row, text) in enumerate(zip(rows, written, strict=True)):
            made.write(text)
            self._example(number, line, part, row, duplicates)

    def _example(self, number: int, line: int, part: int, row: Row, duplicates: Duplicates) -> None:
        import numpy

        self.counts["made"] += 1
        for kept, value in zip(self.places, (number, line, part), strict=True):
            kept.append(value)
        self.reasoning.append(bool(reasoning_of(row)))
        content = _content(row)
        record = numpy.zeros(1, record_type())
        record["hash"] = _hash(content)
        if self.order.deduplicate == "near":
            record["sketch"] = sketch(_words(content), self.factors)
        duplicates.add(record)
        self.groups.add([("row", number, line), ("prompt", _hash(_prompt(row))), *self._key(row)])

    def _key(self, row: Row) -> list[tuple[str, str]]:
        if not self.order.group_by:
            return []
        value: Any = row
        for step in self.order.group_by.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return [] if value is None else [("key", json.dumps(value, sort_keys=True))]

    def _fates(self, duplicates: Duplicates) -> list[Fate]:
        fates: list[Fate] = ["train"] * self.counts["made"]
        if self.order.deduplicate != "none" and fates:
            exact = duplicates.exact()
            near = duplicates.near(exact) if self.order.deduplicate == "near" else None
            assert exact.which is not None
            for place in exact.which.nonzero()[0]:
                fates[place] = "duplicate"
            if near is not None and near.which is not None:
                for place in near.which.nonzero()[0]:
                    fates[place] = "near-duplicate"
        draw = random.Random(self.order.seed)
        if self.order.reasoning_share is not None:
            mix(fates, [bool(one) for one in self.reasoning], self.order.reasoning_share, draw)
        if self.order.validation is not None:
            hold_out(fates, self.groups, self.order.validation, draw)
        return fates

    def _write(self, outputs: Outputs, made: IO[bytes], fates: list[Fate]) -> dict[str, Any]:
        made.seek(0)
        parts = {name: _beside(path) for name, path in asdict(outputs).items()}
        try:
            with parts["train"].open("wb") as train, parts["validation"].open("wb") as validation:
                files = {"train": train, "validation": validation}
                for place, (line, fate) in enumerate(zip(made, fates, strict=True)):
                    self.counts[fate] += 1
                    if fate in files:
                        files[fate].write(line)
                    else:
                        self._left_out(place, fate)
            manifest = self._manifest()
            parts["manifest"].write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")
            for name, path in asdict(outputs).items():
                if name != "validation" or self.order.validation is not None:
                    parts[name].replace(path)
        finally:
            for part in parts.values():
                part.unlink(missing_ok=True)
        return manifest

    def _left_out(self, place: int, fate: Fate) -> None:
        number, line, part = (kept[place] for kept in self.places)
        entry = {"file": self.sources[number].file, "line": line, "part": part, "fate": fate, "why": WHY[fate]}
        self.dropped.append(entry)

    def _bad(self, source: Source, line: int, why: str, fate: str = "bad") -> None:
        """A row that gives no example, or a file that holds none (`unreadable`)."""
        self.counts[fate] += 1
        self.dropped.append({"file": source.file, "line": line, "part": 0, "fate": fate, "why": why})

    def _manifest(self) -> dict[str, Any]:
        names = ("unreadable", "read", "bad", "rows_used", "made", "train", "validation", *WHY)
        return {
            "inputs": [{"file": s.file, "layout": s.layout, "sha256": _digest(s.file)} for s in self.sources],
            "order": asdict(self.order),
            "counts": {name.replace("-", "_"): self.counts[name] for name in names},
            "dropped": self.dropped,
        }


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _content(row: Row) -> str:
    """What two examples have to share to be the same: all that is trained on, not ids and the like."""
    said = {name: row[name] for name in ("messages", "tools") if name in row} if "messages" in row else row
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def _prompt(row: Row) -> str:
    """The first question, or what stands for it."""
    for message in row.get("messages") or []:
        if isinstance(message, dict) and message.get("role") == "user":
            return str(message.get("content"))
    prompt = row.get("prompt")
    return json.dumps(prompt if prompt is not None else row, ensure_ascii=False, sort_keys=True)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _words(text: str) -> Any:
    import numpy

    from qwen_recipes.data.words import word_hashes

    return numpy.array(word_hashes(text), numpy.uint64)


def _digest(file: str) -> str:
    digest = sha256()
    with Path(file).open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


__all__ = ["CONVERSATIONS", "Order", "Outputs", "Preparation", "Source", "Wishes"]
