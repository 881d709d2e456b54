"""What a compiled run.sh would start: it runs with stand-ins for the frameworks' commands that record the call."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHERS = ("accelerate", "torchrun")
RECORD = """#!/bin/sh
{ printf '%s\\0' "$(basename "$0")" "$@"; } > "$RECORDED/words"
env -0 > "$RECORDED/variables"
"""
PYTHON = RECORD.replace("#!/bin/sh\n", '#!/bin/sh\ncase "$1" in -c | */rows/__main__.py) exit 0 ;; esac\n')
"""For `python`: the rows are prepared apart, and what only imports something starts no framework."""
SHELL_OWN = ("_", "PATH", "PWD", "OLDPWD", "SHLVL", "RECORDED", "PYTHONPATH")


@dataclass(frozen=True)
class Command:
    """A framework's command line and the variables that run.sh sets and unsets for it."""

    words: list[str]
    variables: dict[str, str]
    unset: list[str]
    python_path: list[str]


def read_command(folder: Path, subcommand: str | None = None, programs: Sequence[str] = ()) -> Command:
    """The command that run.sh in `folder` ends with; `programs` are the framework's own commands.

    `subcommand`, where given, replaces the first argument. Raises RuntimeError where run.sh fails.
    """
    with tempfile.TemporaryDirectory() as stubs:
        words, variables = _record_call(folder / "run.sh", Path(stubs), programs)
    if subcommand:
        words[1] = subcommand
    unset = [name for name in os.environ if name not in variables and name not in SHELL_OWN]
    return Command(words, _find_changed(variables), unset, _find_python_path(variables, folder))


def _record_call(script: Path, stubs: Path, programs: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    for name in (*LAUNCHERS, *programs):
        _write_program(stubs / name, RECORD)
    _write_program(stubs / "python", PYTHON)
    variables = {**os.environ, "RECORDED": str(stubs), "PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    done = subprocess.run(["bash", str(script)], env=variables, capture_output=True, text=True, errors="replace")
    if done.returncode or not (stubs / "variables").is_file():
        raise RuntimeError(f"run.sh did not start the framework: {done.stderr.strip()}")
    pairs = (entry.partition("=") for entry in _read_entries(stubs / "variables"))
    return _read_entries(stubs / "words"), {name: value for name, _, value in pairs}


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def _read_entries(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\0")[:-1]


def _find_changed(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in SHELL_OWN and os.environ.get(name) != value}


def _find_python_path(variables: dict[str, str], folder: Path) -> list[str]:
    return [str(folder)] if variables.get("PYTHONPATH") else []
