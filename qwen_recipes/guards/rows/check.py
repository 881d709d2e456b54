"""Judge files of rows: parts of them in as many processes as there are cores, duplicates at the end."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from qwen_recipes.data.duplicates import Duplicates, Place, Repeats
from qwen_recipes.data.reading import Stretch, Work, trouble, works
from qwen_recipes.guards.rows import TROUBLES
from qwen_recipes.guards.rows.judge import Judge, Rows, Rules
from qwen_recipes.guards.rows.tally import Example, Tally

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

SMALL = 2 << 20
"""Bytes; so little is judged in this process."""

_judge: Judge | None = None


@dataclass
class Checked:
    """What was found in all files. `train` and `validation` are tallies of their rows."""

    rules: Rules
    files: list[Rows]
    train: Tally = field(default_factory=Tally)
    validation: Tally = field(default_factory=Tally)
    exact: Repeats = field(default_factory=Repeats)
    near: Repeats = field(default_factory=Repeats)


Progress = Callable[[int], None]
"""Told how many bytes were read."""


def check_rows(
    files: Sequence[Rows], rules: Rules, cores: int | None = None, progress: Progress | None = None
) -> Checked:
    """Judge files; training files come before those to validate on. Raises NoTokenizer, NoReader, OSError."""
    global _judge
    _judge = Judge(rules)
    told = progress or (lambda size: None)
    checked = Checked(rules, list(files))
    with Duplicates() as duplicates, _pool(files, rules, cores) as pool:
        for rows in sorted(files, key=lambda one: one.validation):
            tally = _file(rows, rules, duplicates, pool, told)
            (checked.validation if rows.validation else checked.train).add(tally)
        _repeats(checked, duplicates)
    _judge = None
    return checked


def _file(rows: Rows, rules: Rules, duplicates: Duplicates, pool: Any, told: Progress) -> Tally:
    tally, path = Tally(), Path(rows.file)
    size = path.stat().st_size
    wrong = trouble(path)
    if wrong:
        _trouble(tally, rules, wrong.kind, Example(rows.file, 1, wrong.message))
        told(size)
        return tally
    for part, kept in _parts(path, rows, pool, told):
        kept["line"] += tally.lines
        duplicates.add(kept)
        tally.add(part)
    if not tally.read:
        _trouble(tally, rules, "empty", Example(rows.file, 1, "the file has no rows"))
    if path.stat().st_size != size:
        message = f"{size:,} bytes when reading began, {path.stat().st_size:,} at the end"
        _trouble(tally, rules, "changed", Example(rows.file, max(1, tally.lines), message))
    tally.lines = 0
    return tally


def _parts(path: Path, rows: Rows, pool: Any, told: Progress) -> Iterator[tuple[Tally, Array]]:
    """Results in the file's order, a few parts in work at a time."""
    size = path.stat().st_size
    if pool is None:
        assert _judge is not None
        for work in works(path):
            yield _judge.part(work, rows)
            told(_bytes(work))
        told(0 if path.suffix not in (".csv", ".json", ".parquet") else size)
        return
    waiting: deque[tuple[Future[Any], int]] = deque()
    for work in works(path):
        waiting.append((pool.submit(_work, work, rows), _bytes(work)))
        if len(waiting) > 2 * pool.cores:
            yield _next(waiting, told)
    while waiting:
        yield _next(waiting, told)


def _next(waiting: deque[tuple[Future[Any], int]], told: Progress) -> tuple[Tally, Array]:
    future, size = waiting.popleft()
    result: tuple[Tally, Array] = future.result()
    told(size)
    return result


def _bytes(work: Work) -> int:
    return work.end - work.start if isinstance(work, Stretch) else 0


def _trouble(tally: Tally, rules: Rules, kind: str, example: Example) -> None:
    if TROUBLES[kind] not in rules.off:
        tally.hit(TROUBLES[kind], example)


class _Pool(ProcessPoolExecutor):
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


def _pool(files: Sequence[Rows], rules: Rules, cores: int | None) -> Any:
    """Processes, or nothing where they would not pay."""
    count = cores or available_cores()
    if count < 2 or sum(Path(rows.file).stat().st_size for rows in files) < SMALL:
        return nullcontext()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    method = "fork" if sys.platform == "linux" else "spawn"
    gc.freeze()
    pool = _Pool(count, mp_context=get_context(method), initializer=_start, initargs=(rules,))
    pool.cores, pool.others = count, frozenset(active_children())
    return pool


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(rules: Rules) -> None:
    """A process begins: it has its parent's judge where it was forked, and makes its own where not."""
    global _judge
    if _judge is None:
        _judge = Judge(rules)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its parent hears it too, and ends it
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _end_with(parent: Any) -> None:
    """Nobody waits for rows when the parent was killed."""
    parent.join()
    os._exit(1)


def _work(work: Work, rows: Rows) -> tuple[Tally, Array]:
    assert _judge is not None
    return _judge.part(work, rows)


def _repeats(checked: Checked, duplicates: Duplicates) -> None:
    """Exact and near duplicates, and leaks, as findings of the rules about rows together."""
    off, train = checked.rules.off, checked.train
    checked.exact = duplicates.exact()
    if "QR515" not in off:
        checked.near = duplicates.near(checked.exact)
    exact, near = checked.exact, checked.near
    told = (
        ("QR514", exact.count - exact.leaked, [pair for pair in exact.shown if pair not in exact.leaks], "the same as"),
        ("QR515", near.count, near.shown, "nearly the same as"),
        ("QR516", exact.leaked, exact.leaks, "also a training row:"),
    )
    for code, count, pairs, words in told:
        if count and code not in off:
            train.found[code] += count
            train.examples[code] = [_pair(checked, words, row, first) for row, first in pairs]


def _pair(checked: Checked, words: str, row: Place, first: Place) -> Example:
    names = {rows.number: rows.file for rows in checked.files}
    return Example(names[row.source], row.line, f"{words} {names[first.source]}:{first.line}")
