"""`recipes logs`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from qwen_recipes.cli.console import print_bytes
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error
from qwen_recipes.filesystem.regular_file import open_regular_file

_POLL_SECONDS = 0.5
"""Seconds between two looks at a log that is followed."""
_READ_BYTES = 1 << 20


@click.command("logs")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("-f", "--follow", is_flag=True, help="Keep printing new output until the run ends.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    metavar="N",
    help="Number of lines from the end; 0 prints the whole log.",
)
def command(folder: Path, follow: bool, lines: int) -> None:
    """Print the log of a run, exactly as the framework wrote it.

    DIR is the run's output folder, or a folder with a single run, or a single active run, below it. [default: the
    current folder]
    """
    output = _find_run_folder(folder)
    try:
        with open_regular_file(output / "run.log") as log:
            log.seek(_find_tail_offset(log.fileno(), lines) if lines else 0)
            _copy_to_stdout(_read_chunks(log.fileno(), log.tell(), output if follow else None))
    except OSError as error:
        exit_with_error(f"{output / 'run.log'}: cannot read: {error.strerror}", ExitCode.USAGE)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


def _find_run_folder(folder: Path) -> Path:
    """The run's folder: the one named, else the only run below it, else the only active one. May exit 2."""
    from qwen_recipes.reports.run_table import list_runs

    if (folder / "run.log").is_file():
        return folder
    if not folder.is_dir():
        exit_with_error(f"{folder} does not exist or is not a folder", ExitCode.USAGE)
    found = list_runs(folder)
    going_on = [one for one in found if one.state == "running"]
    for few in (found, going_on):
        if len(few) == 1:
            return Path(few[0].folder)
    names = "".join(f"\n  {one.folder}" for one in (going_on or found)[:10])
    exit_with_error(
        f"{len(found)} runs below {folder}; name one of them{names}" if found else f"no run in {folder} or below it",
        ExitCode.USAGE,
    )


def _find_tail_offset(log: int, lines: int) -> int:
    """Where the last lines of a file begin; a carriage return ends none."""
    size = os.fstat(log).st_size
    tail = os.pread(log, _READ_BYTES, max(0, size - _READ_BYTES))
    place = len(tail) - tail.endswith(b"\n")
    for _ in range(lines):
        if (place := tail.rfind(b"\n", 0, place)) < 0:
            return max(0, size - len(tail))
    return max(0, size - len(tail)) + place + 1


def _read_chunks(log: int, offset: int, run_folder: Path | None) -> Iterator[bytes]:
    """The file from `offset` on, and what is added to it while the run in `run_folder` goes on."""
    from qwen_recipes.reports.run_table import summarize_run

    looked = 0.0
    while True:
        while piece := os.pread(log, _READ_BYTES, offset):
            offset += len(piece)
            yield piece
        if run_folder is None:
            return
        if time.monotonic() - looked > 2:
            looked = time.monotonic()
            one = summarize_run(str(run_folder / "run.json"))
            if one is None or one.state != "running":
                run_folder = None
                continue
        time.sleep(_POLL_SECONDS)


def _copy_to_stdout(chunks: Iterator[bytes]) -> None:
    for piece in chunks:
        if not print_bytes(piece):
            return
