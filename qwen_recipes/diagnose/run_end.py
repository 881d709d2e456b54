"""How a run without a known cause ended: by its record, or by what its log says last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.runs.log_tail import select_error_lines
from qwen_recipes.runs.record import read_record

_FINISHED = re.compile(
    r"""["']train_runtime["']|\*{3,} train metrics|Training [Cc]ompleted|End time of running main|^finished in \d"""
)
_ERROR = re.compile(r"\bTraceback \(most recent call last\)|^\S*(?:Error|Exception)\b: |\b(?:ERROR|FATAL|error):")

_HEADING = "Traceback (most recent call last):"


@dataclass(frozen=True)
class RunEnd:
    """Whether a run finished or goes on, in words, and its last error where it did neither."""

    well: bool
    message: str
    error: tuple[str, ...] = ()


def describe_run_end(lines: list[str], path: Path) -> RunEnd:
    """How the run ended whose log has these lines; `path` is its output folder, or the log."""
    record = read_record(path) if path.is_dir() else None
    if record is not None and record.state in ("finished", "running"):
        state = "finished" if record.state == "finished" else "is still running"
        return RunEnd(True, f"the run {state}; there is no known problem in its log")
    if not lines:
        return RunEnd(False, "the log is empty")
    if record is None and _says_finished(lines):
        return RunEnd(True, "the training finished; there is no known problem in the log")
    error = select_error_lines(lines) if any(map(_ERROR.search, lines)) else []
    if error and error[-1].strip() != _HEADING:
        return RunEnd(False, "no known cause found; the last error in the log is shown above", tuple(error))
    return RunEnd(False, "no known cause and no error found; read the last lines of the log")


def _says_finished(lines: list[str]) -> bool:
    """Whether the log says that training ended, with no error after it."""
    ends = [index for index, line in enumerate(lines) if _FINISHED.search(line)]
    return bool(ends) and not any(map(_ERROR.search, lines[ends[-1] :]))
