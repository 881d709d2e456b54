"""Trials as processes: each is a `recipes run` of its own, so that whatever ends it ends no other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from qwen_recipes.filesystem.logs import open_new_log

FIRST_PORT = 29500
"""`MASTER_PORT` of the first place; trials that run at the same time have one each."""


@dataclass(frozen=True)
class TrialSlot:
    """A place where one trial runs at a time: some of the GPUs, or the CPU."""

    number: int
    gpus: tuple[int, ...] = ()

    def make_variables(self) -> dict[str, str]:
        """The environment of a trial that runs here."""
        known = {**os.environ, "MASTER_PORT": str(FIRST_PORT + self.number)}
        return {**known, "CUDA_VISIBLE_DEVICES": ",".join(map(str, self.gpus))} if self.gpus else known


def make_slots(gpus: int, gpus_of_a_trial: int) -> list[TrialSlot]:
    """As many places as the GPUs that are there allow, at least one."""
    count = max(1, gpus // gpus_of_a_trial) if gpus else 1
    if count == 1:
        return [TrialSlot(0)]
    each = gpus_of_a_trial
    return [TrialSlot(number, tuple(range(number * each, (number + 1) * each))) for number in range(count)]


_START = "import sys; sys.path = [one for one in sys.path if one]; import qwen_recipes.__main__ as main; main.start()"
"""As `python -m qwen_recipes`, which would import a folder of that name in the current folder."""


def start_trial(arguments: list[str], slot: TrialSlot, log: Path) -> subprocess.Popen[bytes]:
    """Start `recipes` with these arguments; what it says goes to `log`. It ends where we are killed."""
    command = [sys.executable, "-c", _START, *arguments]
    with open_new_log(log) as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=slot.make_variables(),
            start_new_session=True, preexec_fn=_end_with_parent,
        )  # fmt: skip


def _end_with_parent() -> None:
    """Ask Linux to end this process with the one that started it; elsewhere nothing is asked."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@contextlib.contextmanager
def collect_signals(received: list[int]) -> Iterator[None]:
    """Collect SIGINT, SIGTERM and SIGHUP instead of dying of them."""

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
