"""Running a long command: its output goes to a log, and a line now and then says that it is alive."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.logs import open_to_append
from qwen_recipes.filesystem.replace_file import replace_file

ReportLine = Callable[[str], None]
REPORT_INTERVAL = 10.0
"""Seconds between two signs of life."""
_USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@'\"]+@")
_QUERY = re.compile(r"(?i)\b(https?://[^\s?'\"]+)\?[^\s'\"]+")


class CommandFailedError(QwenRecipesError):
    """The command ended with an error; the text is the last lines it printed about it."""


def run_logged(
    command: Sequence[str],
    log: Path,
    title: str,
    report: ReportLine,
    env: Mapping[str, str] | None = None,
    detail: Callable[[], str] = lambda: "",
    inherited_fds: Sequence[int] = (),
) -> None:
    """Run a command to its end, adding its output to `log` and reporting `title` with the seconds gone.

    It runs in the log's folder, so that no settings of another folder apply. Credentials in URLs are taken out of the
    log afterwards.
    `detail` gives words for the report; `inherited_fds` are file descriptors that the command holds open too.
    Raises CommandFailedError; stops the command where we are interrupted.
    """
    report(title)
    with open_to_append(log) as output:
        start = output.seek(0, os.SEEK_END)
        output.write(f"$ {hide_credentials(' '.join(command))}\n".encode())
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, pass_fds=inherited_fds,
            cwd=log.parent,
        )  # fmt: skip
        try:
            _wait_and_report(process, title, report, detail)
        except BaseException:
            _terminate_process(process)
            raise
        finally:
            _clean_log(log)
    if process.returncode < 0:
        raise CommandFailedError(f"{title}: stopped by signal {-process.returncode}")
    if process.returncode:
        raise CommandFailedError(
            extract_error_lines(log, start) or f"{command[0]} exited with code {process.returncode}"
        )


def hide_credentials(text: str) -> str:
    """The text with `***` in the place of what stands before the host, and in the query, of each URL."""
    return _QUERY.sub(r"\1?***", _USER_INFO.sub(r"\1***@", text))


def _clean_log(log: Path) -> None:
    text = log.read_text("utf-8", "surrogateescape")
    if (cleaned := hide_credentials(text)) != text:
        replace_file(log, cleaned.encode("utf-8", "surrogateescape"))


def extract_error_lines(log: Path, start: int = 0) -> str:
    """The lines about an error in a log from byte `start` on: those marked so, else the last five."""
    with log.open(encoding="utf-8", errors="replace") as text:
        text.seek(start)
        lines = [line.strip() for line in text if line.strip() and not line.startswith(("$ ", "WARNING", "[notice]"))]
    marked = [line for line in lines if line.lower().startswith("error")]
    return "\n".join((marked or lines)[-5:])


def find_last_match(log: Path, pattern: re.Pattern[str]) -> str:
    """What the last match of a pattern in the end of a log (16 KiB) names in its first group; empty without one."""
    with log.open("rb") as text:
        text.seek(max(0, text.seek(0, os.SEEK_END) - 16384))
        found = pattern.findall(text.read().decode("utf-8", errors="replace"))
    return str(found[-1]) if found else ""


def _wait_and_report(
    process: subprocess.Popen[bytes], title: str, report: ReportLine, detail: Callable[[], str]
) -> None:
    began = time.monotonic()
    while True:
        try:
            process.wait(REPORT_INTERVAL)
            return
        except subprocess.TimeoutExpired:
            words = [detail(), f"{time.monotonic() - began:.0f} s"]
            report(f"{title}: {', '.join(filter(None, words))}")


def _terminate_process(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
