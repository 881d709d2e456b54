"""Judge files of rows: parts of them in as many processes as there are cores, duplicates at the end."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from qwen_recipes.data.duplicates import DuplicateFinder, DuplicateReport, RowLocation
from qwen_recipes.data.first_rows import split_first_rows
from qwen_recipes.data.rows.row_reader import ByteRange, FilePart, find_file_problem
from qwen_recipes.data.rows.written_roles import explain_unseen_roles
from qwen_recipes.guards.rows import FILE_PROBLEM_CODES
from qwen_recipes.guards.rows.row_checker import RowChecker, RowCheckSettings, RowFile
from qwen_recipes.guards.rows.row_statistics import OffendingRow, RowStatistics, shorten_text

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

MIN_PARALLEL_BYTES = 2 << 20
"""Bytes; so little is judged in this process."""

_row_checker: RowChecker | None = None


@dataclass
class DataCheckResult:
    """What was found in all files. `train` and `validation` are tallies of their rows."""

    rules: RowCheckSettings
    files: list[RowFile]
    train: RowStatistics = field(default_factory=RowStatistics)
    validation: RowStatistics = field(default_factory=RowStatistics)
    exact: DuplicateReport = field(default_factory=DuplicateReport)
    near: DuplicateReport = field(default_factory=DuplicateReport)


ProgressCallback = Callable[[int], None]
"""Told how many bytes were read."""


def check_rows(
    files: Sequence[RowFile],
    rules: RowCheckSettings,
    cores: int | None = None,
    progress: ProgressCallback | None = None,
) -> DataCheckResult:
    """Judge files; training files come before those to validate on.

    Raises MissingTokenizerError, MissingReaderError, OSError.
    """
    global _row_checker
    _row_checker = RowChecker(rules)
    told = progress or (lambda size: None)
    checked = DataCheckResult(rules, list(files))
    with DuplicateFinder() as duplicates, _make_pool(files, rules, cores) as pool:
        for rows in sorted(files, key=lambda one: one.validation):
            tally = _check_file(rows, rules, duplicates, pool, told)
            (checked.validation if rows.validation else checked.train).add(tally)
        _add_duplicates(checked, duplicates)
    _add_unseen_roles(checked)
    _add_opposite_labels(checked)
    for code, count, why, text in checked.train.answers.find_problems():
        if code not in rules.allowed_codes:
            first = next((rows.file for rows in files if not rows.validation), "")
            checked.train.add_violation(code, OffendingRow(first, 1, why, shorten_text(text)), count)
    _row_checker = None
    return checked


def _add_unseen_roles(result: DataCheckResult) -> None:
    """Names in `roles` of a source that none of its rows has; once for sources with the same `roles`."""
    if "QR534" in result.rules.allowed_codes:
        return
    written = RowStatistics()
    for tally in (result.train, result.validation):
        for names, seen in tally.written_roles.items():
            written.add_roles(names, seen)
    for names, seen in written.written_roles.items():
        if why := explain_unseen_roles(dict(names), seen):
            files = (rows.file for rows in result.files if tuple(rows.options.roles.items()) == names)
            result.train.add_violation("QR534", OffendingRow(next(files), 1, why))


def _add_opposite_labels(result: DataCheckResult) -> None:
    """Nearly the same answers to a prompt whose labels differ."""
    if "QR532" in result.rules.allowed_codes:
        return
    for first, answer in result.train.labelled.find_pairs():
        labels = tuple("true" if one.label else "false" for one in (answer, first))
        message = f"labelled {labels[0]}, and nearly the same answer {labels[1]} at {first.file}:{first.line}"
        result.train.add_violation("QR532", OffendingRow(answer.file, answer.line, message, shorten_text(answer.text)))


def _check_file(
    rows: RowFile,
    rules: RowCheckSettings,
    duplicates: DuplicateFinder,
    pool: _CheckerPool | None,
    report_progress: ProgressCallback,
) -> RowStatistics:
    tally, path = RowStatistics(), Path(rows.file)
    size = path.stat().st_size
    wrong = find_file_problem(path, rows.encoding)
    if wrong:
        _add_file_problem(tally, rules, wrong.kind, OffendingRow(rows.file, 1, str(wrong)))
        report_progress(size)
        return tally
    for part, kept in _check_parts(path, rows, pool, report_progress):
        kept["line"] += tally.lines
        duplicates.add_rows(kept)
        tally.add(part)
    if not tally.read:
        _add_file_problem(tally, rules, "empty", OffendingRow(rows.file, 1, "the file has no examples"))
    if path.stat().st_size != size:
        message = f"{size:,} bytes when reading began, {path.stat().st_size:,} at the end"
        _add_file_problem(tally, rules, "changed", OffendingRow(rows.file, max(1, tally.lines), message))
    tally.lines = 0
    return tally


def _check_parts(
    path: Path, rows: RowFile, pool: _CheckerPool | None, report_progress: ProgressCallback
) -> Iterator[tuple[RowStatistics, Array]]:
    """Results in the file's order, a few parts in work at a time."""
    size = path.stat().st_size
    if pool is None:
        assert _row_checker is not None
        in_stretches = False
        for work in split_first_rows(path, rows.encoding, rows.most_rows):
            in_stretches = isinstance(work, ByteRange)
            yield _row_checker.check_part(work, rows)
            report_progress(_count_bytes(work))
        report_progress(0 if in_stretches else size)
        return
    waiting: deque[tuple[Future[Any], int]] = deque()
    for work in split_first_rows(path, rows.encoding, rows.most_rows):
        waiting.append((pool.submit(_check_part, work, rows), _count_bytes(work)))
        if len(waiting) > 2 * pool.cores:
            yield _collect_next(waiting, report_progress)
    while waiting:
        yield _collect_next(waiting, report_progress)


def _collect_next(
    waiting: deque[tuple[Future[Any], int]], report_progress: ProgressCallback
) -> tuple[RowStatistics, Array]:
    future, size = waiting.popleft()
    result: tuple[RowStatistics, Array] = future.result()
    report_progress(size)
    return result


def _count_bytes(work: FilePart) -> int:
    return work.end - work.start if isinstance(work, ByteRange) else 0


def _add_file_problem(tally: RowStatistics, rules: RowCheckSettings, kind: str, example: OffendingRow) -> None:
    if FILE_PROBLEM_CODES[kind] not in rules.allowed_codes:
        tally.add_violation(FILE_PROBLEM_CODES[kind], example)


class _CheckerPool(ProcessPoolExecutor):
    """Processes that judge; `cores` of them. Where anything ends the work early, they end with it."""

    cores = 1
    others: frozenset[Any] = frozenset()
    """Processes that were there before."""

    def submit(self, *work: Any, **words: Any) -> Any:
        """Processes are forked here, deaf to Ctrl-C from the first: their parent hears it too, and ends them."""
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(*work, **words)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(*work, **words)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __exit__(self, kind: type[BaseException] | None, *of: Any) -> None:
        if kind is not None:
            self.shutdown(wait=False, cancel_futures=True)
            for process in frozenset(active_children()) - self.others:
                process.terminate()
        super().__exit__(kind, *of)


def _make_pool(
    files: Sequence[RowFile], rules: RowCheckSettings, cores: int | None
) -> AbstractContextManager[_CheckerPool | None]:
    """Processes, or nothing where they would not pay."""
    count = cores or count_available_cores()
    if count < 2 or sum(Path(rows.file).stat().st_size for rows in files) < MIN_PARALLEL_BYTES:
        return nullcontext()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    method = "fork" if sys.platform == "linux" else "spawn"
    gc.freeze()
    pool = _CheckerPool(count, mp_context=get_context(method), initializer=_init_worker, initargs=(rules,))
    pool.cores, pool.others = count, frozenset(active_children())
    return pool


def count_available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _init_worker(rules: RowCheckSettings) -> None:
    """A process begins: it has its parent's judge where it was forked, and makes its own where not."""
    global _row_checker
    if _row_checker is None:
        _row_checker = RowChecker(rules)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its parent hears it too, and ends it
    Thread(target=_exit_with_parent, args=(parent_process(),), daemon=True).start()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _exit_with_parent(parent: Any) -> None:
    """Nobody waits for rows when the parent was killed."""
    parent.join()
    os._exit(1)


def _check_part(work: FilePart, rows: RowFile) -> tuple[RowStatistics, Array]:
    assert _row_checker is not None
    return _row_checker.check_part(work, rows)


def _add_duplicates(result: DataCheckResult, duplicates: DuplicateFinder) -> None:
    """Exact and near duplicates, and leaks, as findings of the rules about rows together."""
    off, train = result.rules.allowed_codes, result.train
    result.exact = duplicates.find_exact()
    if "QR515" not in off:
        result.near = duplicates.find_near(result.exact)
    exact, near = result.exact, result.near
    told = (
        (
            "QR514",
            exact.count - exact.leaked_count,
            [pair for pair in exact.repeated_pairs if pair not in exact.leaked_pairs],
            "the same as",
        ),
        ("QR515", near.count, near.repeated_pairs, "nearly the same as"),
        ("QR516", exact.leaked_count, exact.leaked_pairs, "also a training example:"),
    )
    for code, count, pairs, words in told:
        if count and code not in off:
            train.violation_counts[code] += count
            train.examples[code] = [_make_duplicate_row(result, words, row, first) for row, first in pairs]


def _make_duplicate_row(result: DataCheckResult, relation: str, row: RowLocation, earlier: RowLocation) -> OffendingRow:
    names = {rows.number: rows.file for rows in result.files}
    return OffendingRow(names[row.source], row.line, f"{relation} {names[earlier.source]}:{earlier.line}")
