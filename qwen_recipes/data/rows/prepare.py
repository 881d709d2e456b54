"""Read, measure, weigh, split, shape, write; count everything that is left out."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .files_beside_rows import copy_files
from .formats import normalize_row
from .messages import BadRowError, Row
from .mismatched_answers import pair_mismatched
from .nodes import run_once_per_folder
from .renderer import RowRenderer
from .shapes import SHAPES
from .sources import MissingSourceError, find_files, read_source_rows, repeat_by_weight
from .steps import count_steps, describe_steps, explain_too_few_packs, write_steps

BATCH_ROWS = 512
MAX_PRINTED = 10


class RowPreparation:
    """One recipe's rows. `spec` is rows.json."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.out = Path(spec["out"])
        self.renderer = RowRenderer(spec)
        self.counts = {"read": 0, "train": 0, "validation": 0, "bad": 0, "overlong": 0}
        self.tokens = 0
        self.steps: dict[str, int] | None = None
        self.lengths: dict[int, int] = {}
        self.left_out: list[dict[str, Any]] = []

    def run(self) -> None:
        """Write train.jsonl, validation.jsonl and the count, or stop with what is wrong."""
        train = [row for source in self.spec["train"] for row in self._prepare_source(source)]
        validation = [row for source in self.spec["validation"] for row in self._prepare_source(source)]
        if self.spec["validation_share"]:
            train, validation = self._split_validation(train)
        self._exit_if_no_rows(train, validation)
        train, validation = (pair_mismatched(self.spec["shape"], rows, self.renderer) for rows in (train, validation))
        self._write_split("train", train)
        self._write_split("validation", validation)
        if self.spec.get("arrow"):
            save_arrow(self.out / "tokenized", {"train": train, "validation": validation})
        self._tell_steps()
        self._write_report()

    def _prepare_source(self, source: dict[str, Any]) -> list[Row]:
        return repeat_by_weight(list(self._select_fitting(source)), source["weight"], self.spec["seed"])

    def _split_validation(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        count = max(1, round(self.spec["validation_share"] * len(rows))) if rows else 0
        held = set(random.Random(self.spec["seed"]).sample(range(len(rows)), count))
        train = [row for index, row in enumerate(rows) if index not in held]
        return train, [row for index, row in enumerate(rows) if index in held]

    def _select_fitting(self, source: dict[str, Any]) -> Iterator[Row]:
        batch: list[tuple[str, int, Row]] = []
        for name, number, row, problem in read_normalized_rows(source):
            self.counts["read"] += 1
            if row is None:
                self._leave_out("bad", name, number, problem)
                continue
            batch.append((name, number, row))
            if len(batch) == BATCH_ROWS:
                yield from self._shape_batch(batch)
                batch = []
        yield from self._shape_batch(batch)

    def _shape_batch(self, batch: list[tuple[str, int, Row]]) -> Iterator[Row]:
        if not batch:
            return
        limit, shape = self.spec["sequence_length"], SHAPES[self.spec["shape"]]
        for (name, number, row), length in zip(batch, self.renderer.count_tokens([r for *_, r in batch]), strict=True):
            if length > limit and self.spec["overlong"] != "truncate":
                self._leave_out("overlong", name, number, f"{length} tokens, {limit} fit")
                continue
            try:
                if length > limit and not self.renderer.has_loss_within_limit(row):
                    self._leave_out("overlong", name, number, f"no token is learnt of the {limit} that fit")
                    continue
                shaped = shape(row, self.renderer)
                self.tokens += min(length, limit)
                self.lengths[id(shaped)] = min(length, limit)
                yield shaped
            except BadRowError as error:
                self._leave_out("bad", name, number, str(error))

    def _leave_out(self, kind: str, name: str, number: int, reason: str) -> None:
        self.counts[kind] += 1
        self.left_out.append({"file": name, "line": number, "why": reason})

    def _exit_if_no_rows(self, train: list[Row], validation: list[Row]) -> None:
        for row in self.left_out[:MAX_PRINTED]:
            print(f"rows: {row['file']}:{row['line']}: left out: {row['why']}", file=sys.stderr)
        if len(self.left_out) > MAX_PRINTED:
            print(f"rows: and {len(self.left_out) - MAX_PRINTED} more, all in {self.out}/rows.json", file=sys.stderr)
        if self.counts["overlong"] and self.spec["overlong"] == "error":
            sys.exit(f"rows: {self.counts['overlong']} rows are too long, and `training.overlong` is `error`")
        if not train:
            sys.exit("rows: no row is left to train on")
        if (self.spec["validation"] or self.spec["validation_share"]) and not validation:
            sys.exit("rows: no row is left to validate on")
        lengths = [self.lengths[id(row)] for row in train] if self.spec.get("needed_packs") else []
        if why := explain_too_few_packs(lengths, self.spec["sequence_length"], self.spec.get("needed_packs", 0)):
            sys.exit(f"rows: {why}")

    def _write_split(self, split: str, rows: list[Row]) -> None:
        self.counts[split] = len(rows)
        self.out.mkdir(parents=True, exist_ok=True)
        replace_file(self.out / f"{split}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def _tell_steps(self) -> None:
        """Count the steps of the epochs where rows are trained one by one, and write them into the config."""
        spec = self.spec.get("steps")
        if spec is None:
            return
        self.steps = count_steps(spec, self.counts["train"])
        if "train.yaml" in self.spec.get("copied", []):
            write_steps(spec, self.steps, self.out)
        print(f"rows: {describe_steps(self.steps)}", file=sys.stderr)
        if self.steps["warmup"] > self.steps["total"]:
            print("rows: the warmup is longer than the run: `training.warmup_ratio` fits any", file=sys.stderr)

    def _write_report(self) -> None:
        report = {"counts": self.counts, "steps": self.steps, "tokens": self.tokens, "left_out": self.left_out}
        replace_file(self.out / "rows.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n")
        said = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        print(f"rows: {said}", file=sys.stderr)


def read_normalized_rows(source: dict[str, Any]) -> Iterator[tuple[str, int, Row | None, str]]:
    """File, number, and the row in our form or the reason why there is none."""
    for name, number, record, problem in read_source_rows(source):
        try:
            if problem:
                raise BadRowError(problem)
            yield name, number, normalize_row(record, source["format"], source["columns"]), ""
        except BadRowError as error:
            yield name, number, None, str(error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            yield name, number, None, f"can't be read: {error}"


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)


def save_arrow(folder: Path, splits: dict[str, list[Row]]) -> None:
    """Save tokenized rows as the data set that LLaMA-Factory reads from `tokenized_path`."""
    from datasets import Dataset, DatasetDict

    shutil.rmtree(folder, ignore_errors=True)
    DatasetDict({name: Dataset.from_list(rows) for name, rows in splits.items() if rows}).save_to_disk(str(folder))


def main(spec_file: str) -> None:
    """Prepare the rows that this JSON file describes; exits 1 with a message where that can't be done."""
    spec = json.loads(Path(spec_file).read_text("utf-8"))
    run_once_per_folder(Path(spec["out"]), lambda: prepare_rows(spec))


def prepare_rows(spec: dict[str, Any]) -> None:
    """Prepare the rows of one recipe, here. Exits 1 with a message where that can't be done."""
    missing = []
    for source in [*spec["train"], *spec["validation"]]:
        try:
            if source["path"]:
                find_files(source["path"])
        except MissingSourceError as error:
            missing.append(f"rows: {error}")
    if missing:
        sys.exit("\n".join(missing))
    copy_files(spec)
    RowPreparation(spec).run()
