"""Read, cut into examples, measure, shape, split, weigh, write; count everything that is left out."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .counts import RowCounts
from .files_beside_rows import copy_files, write_beside_rows
from .formats import normalize_row
from .hold_out import ExampleGroup, WeightedGroups, flatten_groups, hold_out_share, thin_out
from .message_forms import read_options
from .messages import BadRowError, Row
from .mismatched_answers import pair_mismatched
from .nodes import run_once_per_folder
from .output_overlap import find_first_overlap
from .renderer import RowRenderer
from .row import MissingReaderError, RowsSpec, SourceSpec
from .shapes import SHAPES
from .sources import MissingSourceError, find_files, read_source_rows
from .steps import count_steps, describe_steps, explain_too_few_packs, write_steps
from .turns import make_examples
from .unread_keys import find_unread_keys
from .written_roles import find_written_roles

BATCH_ROWS = 512


class Conversation(NamedTuple):
    """Where a row stands, and the examples that it becomes."""

    file: str
    line: int
    examples: list[Row]


class RowPreparation:
    """One recipe's rows. `spec` is rows.json."""

    def __init__(self, spec: RowsSpec) -> None:
        self.spec = spec
        self.out = Path(spec["out"])
        self.renderer = RowRenderer(spec)
        self.counts = RowCounts()
        self.steps: dict[str, int] | None = None
        self.lengths: dict[int, int] = {}
        self.origins: list[tuple[int, int]] = []
        """Line and example (from 1) of each row that is kept, as they are read."""

    def run(self) -> None:
        """Write train.jsonl, validation.jsonl and the count, or stop with what is wrong."""
        train, validation = self._prepare_splits()
        self._exit_if_no_rows(train, validation)
        train, validation = (pair_mismatched(self.spec["shape"], rows, self.renderer) for rows in (train, validation))
        self._write_split("train", train)
        self._write_split("validation", validation)
        if self.spec.get("arrow"):
            save_arrow(self.out / "tokenized", {"train": train, "validation": validation})
        self._tell_steps()
        self._write_report()

    def _prepare_splits(self) -> tuple[list[Row], list[Row]]:
        """Rows to train and to validate on: held out first, then weighed, so that no row is on both sides."""
        seed, share = self.spec["seed"], self.spec["validation_share"]
        sources = [thin_out(self._prepare_source(source), seed) for source in self.spec["train"]]
        files = [self._prepare_source(source) for source in self.spec["validation"]]
        validation = flatten_groups(files, seed)
        if share:
            sources, held = hold_out_share(sources, share, seed)
            validation = [row for group in held for row in group]
        return flatten_groups(sources, seed), validation

    def _prepare_source(self, source: SourceSpec) -> WeightedGroups:
        return WeightedGroups(list(self._select_fitting(source)), source["weight"])

    def _select_fitting(self, source: SourceSpec) -> Iterator[ExampleGroup]:
        batch: list[Conversation] = []
        for name, number, row, problem in read_normalized_rows(source, self.counts):
            self.counts.rows["read"] += 1
            if row is None:
                self.counts.leave_out("bad", name, number, 0, problem)
                continue
            batch += self._cut_into_examples(name, number, row)
            if len(batch) == BATCH_ROWS:
                yield from self._shape_batch(batch)
                batch = []
        yield from self._shape_batch(batch)

    def _cut_into_examples(self, name: str, number: int, row: Row) -> list[Conversation]:
        try:
            examples = self._make_examples(row)
        except (ValueError, RecursionError) as error:
            self.counts.leave_out("bad", name, number, 0, str(error))
            return []
        self.counts.count_row(row, examples)
        return [Conversation(name, number, examples)]

    def _make_examples(self, row: Row) -> list[Row]:
        turns, train_on = self.spec.get("turns", "together"), self.spec.get("train_on", "assistant")
        return make_examples(row, turns, train_on, lambda: self.renderer.strips_reasoning)

    def _shape_batch(self, batch: list[Conversation]) -> Iterator[ExampleGroup]:
        if not batch:
            return
        lengths = iter(self.renderer.count_tokens([row for one in batch for row in one.examples]))
        for one in batch:
            shaped = [self._shape_example(one, part, next(lengths)) for part in range(len(one.examples))]
            if kept := [row for row in shaped if row is not None]:
                yield kept

    def _shape_example(self, conversation: Conversation, part: int, length: int) -> Row | None:
        """The example as the framework reads it; None, and counted, where it is not trained on."""
        limit, row = self.spec["sequence_length"], conversation.examples[part]
        where = (conversation.file, conversation.line, part + 1 if len(conversation.examples) > 1 else 0)
        if length > limit and self.spec["overlong"] != "truncate":
            self.counts.leave_out("overlong", *where, f"{length} tokens; {limit} fit")
            return None
        if length > limit and not self.renderer.has_loss_within_limit(row):
            self.counts.leave_out("overlong", *where, f"none of the {limit} tokens that fit is in the loss")
            return None
        try:
            shaped = SHAPES[self.spec["shape"]](row, self.renderer)
        except BadRowError as error:
            self.counts.leave_out("bad", *where, str(error))
            return None
        self.counts.tokens += min(length, limit)
        self.lengths[id(shaped)] = min(length, limit)
        self.origins.append((conversation.line, part + 1))
        return shaped

    def _exit_if_no_rows(self, train: list[Row], validation: list[Row]) -> None:
        self.counts.print_left_out(f"{self.out}/rows.json")
        if self.counts.rows["overlong"] and self.spec["overlong"] == "error":
            sys.exit(f"rows: {self.counts.rows['overlong']} rows are too long, and `training.overlong` is `error`")
        if not train:
            sys.exit("rows: no row is left to train on")
        if (self.spec["validation"] or self.spec["validation_share"]) and not validation:
            sys.exit("rows: no row is left to validate on")
        if len(train) < (needed := self.spec.get("needed_examples", 0)):
            sys.exit(
                f"rows: {len(train)} examples make no batch of {needed}: the framework would drop them and train on "
                "nothing; a smaller `training.batch_size`, or more rows"
            )
        self._exit_if_too_few_packs(train)

    def _exit_if_too_few_packs(self, train: list[Row]) -> None:
        """A rows.json from before `pack_length` has packs as long as its longest examples."""
        needed = self.spec.get("needed_packs", 0)
        limit = self.spec.get("pack_length", self.spec["sequence_length"])
        lengths = [self.lengths[id(row)] for row in train] if needed else []
        if why := explain_too_few_packs(lengths, limit, needed):
            sys.exit(f"rows: {why}")

    def _write_split(self, split: str, rows: list[Row]) -> None:
        self.counts.rows[split] = len(rows)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_beside_rows(self.spec, f"{split}.jsonl", text)

    def _tell_steps(self) -> None:
        """Count the steps of the epochs where rows are trained one by one, and write them into the config."""
        spec = self.spec.get("steps")
        if spec is None:
            return
        self.steps = count_steps(spec, self.counts.rows["train"])
        if "train.yaml" in self.spec.get("copied", []):
            write_steps(spec, self.steps, self.out)
        print(f"rows: {describe_steps(self.steps)}", file=sys.stderr)
        if self.steps["warmup"] > self.steps["total"]:
            print("rows: the warmup is longer than the run: `training.warmup_ratio` fits any", file=sys.stderr)

    def _write_report(self) -> None:
        report = {**self.counts.to_report(), "steps": self.steps}
        if self.spec.get("origins"):
            report["origins"] = self.origins
        write_beside_rows(self.spec, "rows.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n")
        self.counts.print_counts()


def read_normalized_rows(
    source: SourceSpec, counts: RowCounts | None = None
) -> Iterator[tuple[str, int, Row | None, str]]:
    """File, line from 1, and the row in our form or else the reason, of each row; `counts` gets unread keys and roles.

    Raises nothing for a row: what is wrong with it is its reason.
    """
    options = read_options(source)
    for name, number, record, problem in read_source_rows(source):
        try:
            if problem:
                raise BadRowError(problem)
            if options.roles and counts is not None:
                counts.count_roles(options.roles, find_written_roles(record, source["columns"]))
            row = normalize_row(record, source["format"], source["columns"], options)
            if counts is not None:
                counts.unread.update(find_unread_keys(record, source["format"], source["columns"]))
            yield name, number, row, ""
        except BadRowError as error:
            yield name, number, None, str(error)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            yield name, number, None, f"can't be read: {error}"


def save_arrow(folder: Path, splits: dict[str, list[Row]]) -> None:
    """Save tokenized rows as the data set that LLaMA-Factory reads from `tokenized_path`."""
    from datasets import Dataset, DatasetDict

    with tempfile.TemporaryDirectory(prefix=".recipes-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        DatasetDict({name: Dataset.from_list(rows) for name, rows in splits.items() if rows}).save_to_disk(str(made))
        if folder.is_symlink():
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def main(spec_file: str) -> None:
    """Prepare the rows that this JSON file describes; exits 1 with a message where that can't be done."""
    spec: RowsSpec = json.loads(Path(spec_file).read_text("utf-8"))
    try:
        run_once_per_folder(Path(spec["out"]), lambda: prepare_rows(spec))
    except OSError as error:
        sys.exit(f"rows: {error.filename or spec['out']}: {error.strerror or error}")


def prepare_rows(spec: RowsSpec) -> None:
    """Prepare the rows of one recipe, here. Exits 1 with a message where that can't be done."""
    problems = [
        line for source in [*spec["train"], *spec["validation"]] for line in _find_source_problems(source, spec)
    ]
    if problems:
        sys.exit("\n".join(problems))
    copy_files(spec)
    try:
        RowPreparation(spec).run()
    except MissingReaderError as error:
        sys.exit(f"rows: {error}")
    except OSError as error:
        if error.strerror is None:  # of transformers, which has tried the hub or a folder for the tokenizer
            sys.exit(f"rows: the tokenizer of {spec['tokenizer']} cannot be loaded: {error}")
        sys.exit(f"rows: {error.filename or spec['out']}: {error.strerror}")


def _find_source_problems(source: SourceSpec, spec: RowsSpec) -> list[str]:
    """Why a source can't be read, or must not: nothing that the run writes may lie at or above it."""
    if not source["path"]:
        return []
    try:
        files = find_files(source["path"])
    except (MissingSourceError, OSError) as error:
        return [f"rows: {error}"]
    output = spec.get("output_dir")
    found = find_first_overlap([Path(source["path"]), *files], Path(output)) if output is not None else None
    if not found:
        return []
    return [f"rows: output.dir {output} {found[1]} {found[0]}: the run would write over it; nothing was written"]
