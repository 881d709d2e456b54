"""Read rows, make examples, decide on each, write them: two passes, so that memory holds a few numbers an example.

Inputs are only read. Outputs are put in their place when all of them are whole, the manifest first.
"""

from __future__ import annotations

import json
import random
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

from qwen_recipes.data.duplicates import DuplicateFinder, row_dtype
from qwen_recipes.data.minhash import compute_sketch, hash_factors
from qwen_recipes.data.preparation.convert_row import (
    ConversationOptions,
    convert_row,
    extract_reasoning,
)
from qwen_recipes.data.preparation.output_format import find_output_suffix, write_in_format
from qwen_recipes.data.preparation.selection import Assignment, ExampleGroups, balance_reasoning, hold_out_groups
from qwen_recipes.data.rows.message_forms import PLAIN, RowOptions
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.rows.row_reader import ByteRange, RawRow, find_file_problem, read_raw_rows, split_file
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.file_set import FileSet
from qwen_recipes.filesystem.locked_folder import lock_folder, make_folder
from qwen_recipes.filesystem.regular_file import open_regular_file
from qwen_recipes.filesystem.replace_file import encode_text

DROP_REASONS = {
    "duplicate": "the same as an earlier example",
    "near-duplicate": "nearly the same as an earlier example",
    "mixed-out": "dropped to reach the share of reasoning",
}


class InputFile(NamedTuple):
    """One file of rows."""

    file: str
    row_format: str
    columns: dict[str, str]
    options: RowOptions = PLAIN
    encoding: str = ""


@dataclass(frozen=True)
class PreparationOptions:
    """What to do. Shares are between 0 and 1; `deduplicate` is none, exact or near; `group_by` a dotted key."""

    wishes: ConversationOptions = field(default_factory=ConversationOptions)
    deduplicate: str = "none"
    reasoning_share: float | None = None
    validation: float | None = None
    group_by: str | None = None
    seed: int = 42


@dataclass(frozen=True)
class OutputPaths:
    """Where to write; the manifest always, validation rows only where some are held out."""

    train: Path
    validation: Path
    manifest: Path


class PreparationError(QwenRecipesError):
    """Rows of which nothing can be made, or not what was asked for."""


class DataPreparation:
    """One run. `progress` gets the number of bytes read since its last call."""

    def __init__(
        self, sources: Sequence[InputFile], options: PreparationOptions, progress: Callable[[int], None] | None = None
    ) -> None:
        self.sources, self.options = sources, options
        self.progress = progress or (lambda size: None)
        self.counts: Counter[str] = Counter()
        self.dropped: list[dict[str, Any]] = []
        self.origins: list[array[int]] = [array("I"), array("Q"), array("I")]
        self.reasoning = array("b")
        self.groups, self.factors = ExampleGroups(), hash_factors()

    def run(self, outputs: OutputPaths) -> dict[str, Any]:
        """Write the outputs, whole or not at all, and tell what was done.

        Raises OSError, MissingReaderError, PreparationError, OutputFormatError.
        """
        make_folder(outputs.train.parent)
        with DuplicateFinder() as duplicates, tempfile.TemporaryFile("w+b", dir=outputs.train.parent) as made:
            for number, source in enumerate(self.sources):
                self._process_source(number, source, duplicates, made)
            fates = self._assign_examples(duplicates)
            self._require_rows(fates)
            return self._write_outputs(outputs, made, fates)

    def _process_source(self, number: int, source: InputFile, duplicates: DuplicateFinder, scratch: IO[bytes]) -> None:
        wrong = find_file_problem(Path(source.file), source.encoding)
        if wrong:
            self._record_bad(source, 1, str(wrong), "unreadable")
            return
        lines = 0
        for work in split_file(Path(source.file), source.encoding):
            read = [0]
            for record in read_raw_rows(work, read):
                self.counts["read"] += 1
                self._process_row(number, source, lines, record, duplicates, scratch)
            lines += read[-1]
            self.progress(work.end - work.start if isinstance(work, ByteRange) else 0)

    def _process_row(
        self,
        number: int,
        source: InputFile,
        lines: int,
        record: RawRow,
        duplicates: DuplicateFinder,
        scratch: IO[bytes],
    ) -> None:
        line = lines + record.number
        try:
            if record.problem:
                raise BadRowError(record.problem)
            rows = list(convert_row(record.row, source.row_format, source.columns, self.options.wishes, source.options))
            texts = [json.dumps(row, ensure_ascii=False) for row in rows]
            written = [text.encode("utf-8") + b"\n" for text in texts]
        except BadRowError as error:
            self._record_bad(source, line, str(error))
            return
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self._record_bad(source, line, f"can't be read as {source.row_format}: {error}")
            return
        self.counts["rows_used"] += 1
        for part, (row, text) in enumerate(zip(rows, written, strict=True)):
            scratch.write(text)
            self._add_example(number, line, part, row, duplicates)

    def _add_example(self, number: int, line: int, part: int, row: Row, duplicates: DuplicateFinder) -> None:
        import numpy

        self.counts["made"] += 1
        for kept, value in zip(self.origins, (number, line, part), strict=True):
            kept.append(value)
        self.reasoning.append(bool(extract_reasoning(row)))
        content = _comparable_text(row)
        record = numpy.zeros(1, row_dtype())
        record["hash"] = _hash_text(content)
        if self.options.deduplicate == "near":
            record["sketch"] = compute_sketch(_word_hash_array(content), self.factors)
        duplicates.add_rows(record)
        self.groups.add_example(
            [("row", number, line), ("prompt", _hash_text(_first_prompt(row))), *self._group_keys(row)]
        )

    def _group_keys(self, row: Row) -> list[tuple[str, str]]:
        if not self.options.group_by:
            return []
        value: Any = row
        for step in self.options.group_by.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return []
        self.counts["grouped"] += 1
        return [("key", json.dumps(value, sort_keys=True))]

    def _assign_examples(self, duplicates: DuplicateFinder) -> list[Assignment]:
        fates: list[Assignment] = ["train"] * self.counts["made"]
        if self.options.deduplicate != "none" and fates:
            exact = duplicates.find_exact()
            near = duplicates.find_near(exact) if self.options.deduplicate == "near" else None
            assert exact.repeat_mask is not None
            for place in exact.repeat_mask.nonzero()[0]:
                fates[place] = "duplicate"
            if near is not None and near.repeat_mask is not None:
                for place in near.repeat_mask.nonzero()[0]:
                    fates[place] = "near-duplicate"
        draw = random.Random(self.options.seed)
        if self.options.reasoning_share is not None:
            balance_reasoning(fates, [bool(one) for one in self.reasoning], self.options.reasoning_share, draw)
        if self.options.validation is not None:
            hold_out_groups(fates, self.groups, self.options.validation, draw)
        return fates

    def _require_rows(self, assignments: list[Assignment]) -> None:
        if "train" not in assignments:
            raise PreparationError(f"no row is left to write: {self._explain_no_rows(assignments)}")
        if self.options.group_by and not self.counts["grouped"]:
            raise PreparationError(f"--group-by {self.options.group_by}: no row has a value there")

    def _explain_no_rows(self, assignments: list[Assignment]) -> str:
        if "validation" in assignments:
            return "all are held out for validation; lower --validation, or add rows"
        if "mixed-out" in assignments:
            kind = "has" if not any(self.reasoning) else "lacks"
            return f"no example {kind} reasoning, so none can be kept to reach --reasoning-share"
        dropped = (f"{one['file']}:{one['line']}: {one['why']}" for one in self.dropped)
        return next((f"the first that was dropped is {first}" for first in dropped), "the files have no rows")

    def _write_outputs(
        self, outputs: OutputPaths, scratch: IO[bytes], assignments: list[Assignment]
    ) -> dict[str, object]:
        scratch.seek(0)
        names = ["train", *(["validation"] if self.options.validation is not None else [])]
        with FileSet() as written, ExitStack() as parts:
            manifest_file = written.stage(outputs.manifest)
            folder = outputs.train.parent
            lines = {name: parts.enter_context(tempfile.TemporaryFile("w+b", dir=folder)) for name in names}
            for place, (line, fate) in enumerate(zip(scratch, assignments, strict=True)):
                self.counts[fate] += 1
                if fate in lines:
                    lines[fate].write(line)
                else:
                    self._record_dropped(place, fate)
            digests = {name: _stage_rows(written, getattr(outputs, name), lines[name]) for name in names}
            manifest = self._build_manifest(digests)
            manifest_file.write(encode_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"))
            with lock_folder(folder):
                written.commit()
        return manifest

    def _record_dropped(self, index: int, assignment: Assignment) -> None:
        number, line, part = (kept[index] for kept in self.origins)
        entry = {
            "file": self.sources[number].file,
            "line": line,
            "part": part,
            "fate": assignment,
            "why": DROP_REASONS[assignment],
        }
        self.dropped.append(entry)

    def _record_bad(self, source: InputFile, line: int, reason: str, assignment: str = "bad") -> None:
        """A row that gives no example, or a file that holds none (`unreadable`)."""
        self.counts[assignment] += 1
        self.dropped.append({"file": source.file, "line": line, "part": 0, "fate": assignment, "why": reason})

    def _build_manifest(self, digests: dict[str, str]) -> dict[str, object]:
        names = ("unreadable", "read", "bad", "rows_used", "made", "train", "validation", *DROP_REASONS)
        return {
            "inputs": [
                {"file": s.file, "layout": s.row_format, "sha256": _compute_sha256(s.file)} for s in self.sources
            ],
            "outputs": digests,
            "order": asdict(self.options),
            "counts": {name.replace("-", "_"): self.counts[name] for name in names},
            "dropped": self.dropped,
        }


def _comparable_text(row: Row) -> str:
    """What two examples have to share to be the same: all that is trained on, not ids and the like."""
    said = {name: row[name] for name in ("messages", "tools") if name in row} if "messages" in row else row
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def _first_prompt(row: Row) -> str:
    """The first question, or what stands for it."""
    for message in row.get("messages") or []:
        if isinstance(message, dict) and message.get("role") == "user":
            return str(message.get("content"))
    prompt = row.get("prompt")
    return json.dumps(prompt if prompt is not None else row, ensure_ascii=False, sort_keys=True)


def _hash_text(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _word_hash_array(text: str) -> Any:
    import numpy

    from qwen_recipes.data.token_counter import hash_words

    return numpy.array(hash_words(text), numpy.uint64)


def _compute_sha256(file: str) -> str:
    digest = sha256()
    with open_regular_file(Path(file)) as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _stage_rows(file_set: FileSet, path: Path, lines: IO[bytes]) -> str:
    """Stage JSON lines in the format that the file's name says; the SHA-256 of what was written."""
    digest = sha256()
    with tempfile.TemporaryFile("w+b", dir=path.parent) as made:
        write_in_format(lines, find_output_suffix(path), made)
        made.seek(0)
        staged = file_set.stage(path)
        while block := made.read(1 << 20):
            staged.write(block)
            digest.update(block)
    return digest.hexdigest()
