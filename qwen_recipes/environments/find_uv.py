"""uv: the one on PATH, or one that is installed for environments with CUDA, whose packages are many and large."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from qwen_recipes.environments.logged_command import CommandFailedError
from qwen_recipes.environments.pip_and_uv import make_pip_command

UV_REQUIREMENT = Path(__file__).with_name("uv.hashes")
"""The version of uv that is installed, with the hashes of its files."""
RunCommand = Callable[[list[str]], None]


def find_uv(device: str, interpreter: Path, root: Path, run: RunCommand) -> str | None:
    """The path of uv; None where there is none, so that pip does its work.

    For CUDA it is installed below `root` with the interpreter's pip, where PATH has none; `run` runs a command, and
    raises CommandFailedError where it fails.
    """
    if (found := shutil.which("uv")) or device != "cuda":
        return found
    folder = root / f".{_read_pin().replace('==', '-')}"
    program = folder / "bin" / "uv"
    if not os.access(program, os.X_OK):
        command = [
            *make_pip_command(interpreter),
            "--no-deps",
            "--require-hashes",
            "--target",
            str(folder),
            "--upgrade",
        ]
        try:
            run([*command, "-r", str(UV_REQUIREMENT)])
        except CommandFailedError:
            return None
    return str(program) if os.access(program, os.X_OK) else None


def _read_pin() -> str:
    lines = UV_REQUIREMENT.read_text("utf-8").splitlines()
    return next(line.partition(" ")[0] for line in lines if not line.startswith("#"))
