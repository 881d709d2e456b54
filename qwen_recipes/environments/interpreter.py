"""Finding a Python of the version that a framework is installed under."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.environments.uv_config import choose_uv_config
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.home_folder import get_home

_PROBE_SCRIPT = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


class MissingInterpreterError(QwenRecipesError, LookupError):
    """No Python of the wanted version can make a virtual environment here."""


def find_interpreter(version: str, interpreter: Path | None = None) -> Path:
    """A Python of this version (`3.12`) that can make virtual environments.

    Looks at `interpreter` alone where there is one, else at ourselves, PATH, pyenv and uv, in this order.
    Raises MissingInterpreterError, with what to do about it.
    """
    if interpreter:
        if (found := read_python_version(interpreter)) != version:
            raise MissingInterpreterError(f"{interpreter} is {_describe_version(found)}; Python {version} is needed")
        return interpreter
    for candidate in _iter_candidates(version):
        if read_python_version(candidate) == version:
            return candidate
    raise MissingInterpreterError(
        f"no Python {version} with the venv module found. Install it with `uv python install {version}`, "
        f"`pyenv install {version}` or your system's packages (python{version} and python{version}-venv), "
        "or give its path with --python"
    )


def read_python_version(python: Path) -> str | None:
    """The version (`3.12`) of an interpreter that runs and has venv and pip's installer, else None."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", _PROBE_SCRIPT], capture_output=True, text=True, errors="replace", timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _iter_candidates(version: str) -> Iterator[Path]:
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        yield Path(sys.executable)
    for folder in os.get_exec_path():
        if (on_path := Path(folder) / f"python{version}").is_file():
            yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", get_home() / ".pyenv")) / "versions"
    yield from sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)
    yield from _find_with_uv(version)


def _find_with_uv(version: str) -> Iterator[Path]:
    if not (uv := shutil.which("uv")):
        return
    command = [uv, "python", "find", "--system", "--no-project", *choose_uv_config(), version]
    done = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", cwd=os.path.sep)
    if done.returncode == 0 and done.stdout.strip():
        yield Path(done.stdout.strip())


def _describe_version(version: str | None) -> str:
    return f"Python {version}" if version else "not a Python with the venv module"
