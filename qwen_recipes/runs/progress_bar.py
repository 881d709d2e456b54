"""Progress on the person's screen: one line that is redrawn on a terminal, else a plain line now and then."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from typing import TextIO

from qwen_recipes.runs.metrics import draw_sparkline
from qwen_recipes.runs.progress import RunProgress

PLAIN_LINE_INTERVAL = 10.0
"""Seconds between two plain lines, unless the stage changes."""
_CLEAR = "\r\x1b[K"
_SPARKLINE_LOSSES = 200


class ProgressDisplay:
    """Shows the progress of a run on `stream`."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream, clock
        self.live = stream.isatty()
        self.shown: tuple[str, int] | None = None
        self.due = 0.0

    def show(self, progress: RunProgress) -> None:
        """Draw where the run stands, if there is news."""
        state = (progress.stage, progress.step)
        if self.live:
            width = shutil.get_terminal_size().columns
            self._write(_CLEAR + format_progress_line(progress)[: width - 1])
        elif state != self.shown and (self.clock() >= self.due or self.shown is None or state[0] != self.shown[0]):
            self._write(format_progress_line(progress) + "\n")
            self.due = self.clock() + PLAIN_LINE_INTERVAL
            self.shown = state

    def end(self) -> None:
        """Leave the line for what comes after."""
        if self.live:
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self.live = False


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
    """`45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`."""
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


def format_bytes(count: float) -> str:
    """Bytes in binary units: `512 MiB`, `18.2 GiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
