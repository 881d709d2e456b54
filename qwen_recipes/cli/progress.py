"""Progress on standard error, drawn by rich where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.escaping import escape_line
from qwen_recipes.recipe.secrets import hide_secrets

if TYPE_CHECKING:
    from rich.status import Status

_REDRAW_SECONDS = 0.1


@contextmanager
def show_bytes_read(files: Iterable[str], *, quiet: bool = False) -> Iterator[Callable[[int], None] | None]:
    """A bar of the bytes that were read, of all in `files`. Yields what adds to them; None where no bar is shown.

    It is redrawn when it is added to, not by a thread: the process may fork meanwhile.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("reading", BarColumn(), DownloadColumn(binary_units=True), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True) as progress:
        task, due = progress.add_task("", total=sum(map(_get_size, files))), 0.0

        def add(count: int) -> None:
            nonlocal due
            progress.advance(task, count)
            if time.monotonic() >= due:
                progress.refresh()
                due = time.monotonic() + _REDRAW_SECONDS

        yield add


def _get_size(file: str) -> int:
    """Bytes of a file; none of what cannot be read, which is reported where it is read."""
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0


class StepPrinter:
    """Steps of a longer command: lines on standard error; on a terminal the line of one step is redrawn."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.text = ""
        self.status: Status | None = None

    def __call__(self, text: str) -> None:
        """Show where the step stands; what stands before the first colon names it."""
        if self.quiet:
            return
        if not sys.stderr.isatty():
            print_stderr(text)
            return
        if self.text.partition(":")[0] != text.partition(":")[0]:
            self._keep_line()
        self.text = text
        self._get_status().update(_clean(text))

    def end(self) -> None:
        """Leave the last line, and stop redrawing."""
        if self.status is not None:
            self._keep_line()
            self.status.stop()
        self.status, self.text = None, ""

    def _keep_line(self) -> None:
        if self.status is not None and self.text:
            self.status.console.print(_clean(self.text), markup=False, highlight=False)

    def _get_status(self) -> Status:
        if self.status is None:
            from rich.console import Console

            self.status = Console(stderr=True, markup=False, highlight=False).status("")
            self.status.start()
        return self.status


def _clean(text: str) -> str:
    return escape_line(hide_secrets(text))
