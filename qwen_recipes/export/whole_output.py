"""An output folder that is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from qwen_recipes.filesystem.locked_folder import lock_folder, move_into_place

Result = TypeVar("Result")


def check_output_is_free(output: Path) -> None:
    """Raise FileExistsError for an output folder that is not empty."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(17, "it already exists; name another folder, or move it", str(output))


def write_whole_output(output: Path, write: Callable[[Path], Result]) -> Result:
    """Let `write` fill a folder, and put it in the output's place when that is done; what `write` returns.

    Raises OSError, FileExistsError where the output folder is not empty, and what `write` raises.
    """
    check_output_is_free(output)
    part = output.with_name(f".{output.name}.part")
    with lock_folder(part):
        try:
            _remove_content(part)
            result = write(part)
            move_into_place(part, output)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return result


def _remove_content(folder: Path) -> None:
    """Remove what a killed merge left."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
