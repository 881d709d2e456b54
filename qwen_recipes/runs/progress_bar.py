"""Progress of a run on standard error: one line that rich redraws on a terminal, else a plain line now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from qwen_recipes.runs.metrics import draw_sparkline
from qwen_recipes.runs.progress import RunProgress
from qwen_recipes.sizes import format_bytes

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

PLAIN_LINE_INTERVAL = 10.0
"""Seconds between two plain lines, unless the stage changes."""
_SPARKLINE_LOSSES = 200
_BAR_WIDTH = 20
"""Characters."""


class ProgressDisplay:
    """Shows the progress of a run on `stream`."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream, clock
        self.is_terminal = stream.isatty()
        self.live: Live | None = None
        self.shown: tuple[str, int] | None = None
        self.due = 0.0

    def show(self, progress: RunProgress) -> None:
        """Draw where the run stands, if there is news."""
        state = (progress.stage, progress.step)
        if self.is_terminal:
            self._draw(progress)
        elif state != self.shown and (self.clock() >= self.due or self.shown is None or state[0] != self.shown[0]):
            self._write(format_progress_line(progress) + "\n")
            self.due = self.clock() + PLAIN_LINE_INTERVAL
            self.shown = state

    def end(self) -> None:
        """Clear the line for what comes after."""
        if self.live is not None:
            self._try(self.live.stop)
        self.live = None

    def _draw(self, progress: RunProgress) -> None:
        if self.live is None:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.stream, highlight=False)
            self.live = Live(console=console, auto_refresh=False, transient=True)
            self._try(self.live.start)
        live, line = self.live, _build_line(progress)
        self._try(lambda: live.update(line, refresh=True))

    def _try(self, write: Callable[[], object]) -> None:
        """Write; where the terminal is gone, the run goes on without."""
        try:
            write()
        except (OSError, ValueError):
            self.is_terminal = False

    def _write(self, text: str) -> None:
        self._try(lambda: (self.stream.write(text), self.stream.flush()))


def _build_line(progress: RunProgress) -> Table:
    """The line with a bar of the steps, cut to the terminal's width."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(no_wrap=True, overflow="ellipsis")
    if not progress.planned:
        line.add_row(Text(format_progress_line(progress)))
        return line
    line.add_column(width=_BAR_WIDTH)
    line.add_column(no_wrap=True, overflow="ellipsis")
    bar = ProgressBar(total=progress.planned, completed=progress.step, width=_BAR_WIDTH)
    rest = [*_format_steps(progress), *_format_losses(progress), *_format_speed(progress)]
    line.add_row(Text(progress.stage), bar, Text("  ".join(rest)))
    return line


def format_progress_line(progress: RunProgress) -> str:
    """One line: stage, step of steps, loss with its curve, learning rate, tokens per second, memory, time left."""
    parts = [progress.stage, *_format_steps(progress), *_format_losses(progress), *_format_speed(progress)]
    return "  ".join(parts)


def _format_steps(progress: RunProgress) -> list[str]:
    if not progress.step and progress.planned is None:
        return []
    return [f"{progress.step}/{progress.planned}" if progress.planned else f"step {progress.step}"]


def _format_losses(progress: RunProgress) -> list[str]:
    found = []
    if progress.last is not None and progress.last.loss is not None:
        found.append(f"loss {progress.last.loss:.4g} {draw_sparkline(progress.losses[-_SPARKLINE_LOSSES:])}".rstrip())
    if progress.eval_loss is not None:
        found.append(f"eval {progress.eval_loss:.4g}")
    if progress.last is not None and progress.last.learning_rate is not None:
        found.append(f"lr {progress.last.learning_rate:.2e}")
    return found


def _format_speed(progress: RunProgress) -> list[str]:
    found = []
    if progress.tokens_per_second:
        found.append(f"{progress.tokens_per_second:,.0f} tokens/s")
    if progress.memory:
        found.append(format_bytes(progress.memory))
    if progress.seconds_left is not None:
        found.append(f"{format_duration(progress.seconds_left)} left")
    return found


def format_duration(seconds: float) -> str:
    """Seconds in words: `45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`."""
    if not math.isfinite(seconds):
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02} h"
