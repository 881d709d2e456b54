"""`recipes why`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option
from qwen_recipes.filesystem.read_file import explain_size, get_max_bytes

if TYPE_CHECKING:
    from qwen_recipes.diagnose.causes import CauseMatch


@click.command("why")
@click.argument("log", metavar="LOG|DIR")
@format_option("text", "json")
def command(log: str, form: str) -> None:
    """Diagnose a failed run: name the cause in its log and how to prevent it.

    LOG is a framework's log, or - for standard input; DIR is a run's output folder. Losses of NaN, infinity
    or 0, and rewards that are all equal, are found too. Exit code 1 if no known cause is found in a run that did not
    finish.
    """
    from qwen_recipes.diagnose.causes import find_causes, select_lines
    from qwen_recipes.runs.log_tail import clean_lines, read_clean_lines

    lines = clean_lines(_read_stdin()) if log == "-" else read_clean_lines(_find_log(Path(log)))
    found = find_causes(select_lines(lines))
    if form == "json":
        print_json([_cause_as_dict(one) for one in found])
    else:
        for one in found:
            print_text(_format_cause(one))
    if not found:
        _report_no_cause(lines, Path(log))


def _read_stdin() -> str:
    """A log on standard input, whatever its encoding."""
    content = sys.stdin.buffer.read(get_max_bytes("log") + 1)
    if len(content) > get_max_bytes("log"):
        exit_with_error(f"standard input can't be read: {explain_size('log')}", ExitCode.USAGE)
    return content.decode("utf-8", "replace")


def _report_no_cause(lines: list[str], log: Path) -> None:
    """Say whether the run finished or goes on, or else show its last error. Exits with 1 if it did not finish."""
    from qwen_recipes.diagnose.run_end import describe_run_end

    end = describe_run_end(lines, log)
    for line in end.error:
        print_stderr(f"  {line}")
    print_stderr(f"recipes: {end.message}")
    if not end.well:
        sys.exit(ExitCode.INVALID_INPUT)


def _find_log(path: Path) -> Path:
    from qwen_recipes.runs.record import LOG_FILE

    file = path / LOG_FILE if path.is_dir() else path
    if not file.is_file():
        exit_with_error(f"{file} does not exist", ExitCode.USAGE)
    return file


def print_first_cause(log: Path) -> str | None:
    """After a failed run: the first cause and its name; None where none is known."""
    from qwen_recipes.diagnose.causes import find_causes_in_log

    found = find_causes_in_log(log)[:1]
    for one in found:
        print_stderr(_format_cause(one))
    return found[0].cause.name if found else None


def _format_cause(diagnosis: CauseMatch) -> str:
    cause = diagnosis.cause
    guard = f"\n  guard  {cause.guard}: `recipes explain {cause.guard}`" if cause.guard else ""
    return f"{cause.name}: {cause.explanation}\n  line   {diagnosis.line[:200]}{guard}\n  fix    {cause.fix}"


def _cause_as_dict(diagnosis: CauseMatch) -> dict[str, object]:
    cause = diagnosis.cause
    return {
        "cause": cause.name,
        "means": cause.explanation,
        "guard": cause.guard,
        "fix": cause.fix,
        "line": diagnosis.line,
    }
