"""`--locked`: nothing is done where anything is not as the recipe's lock says."""

from __future__ import annotations

import sys
from typing import Any

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error


def exit_on_drift(loaded: Any, outputs: list[Any]) -> None:
    """Go on in silence, or say everything that drifted and exit 1; exit 2 where there is no lock to read."""
    from qwen_recipes.runs.recipe_lock import find_drift, get_lock_path, read_lock

    path = get_lock_path(loaded.document.file)
    try:
        found = find_drift(read_lock(path), loaded, outputs)
    except OSError as error:
        exit_with_error(
            f"{error.filename or path} can't be read: {error.strerror}; `recipes lock` writes the lock", ExitCode.USAGE
        )
    except ValueError as error:
        exit_with_error(f"{path} can't be read: {error}", ExitCode.USAGE)
    if not found:
        return
    for line in found:
        print_stderr(f"recipes: {line}")
    print_stderr(f"recipes: not as {path} says; `recipes lock {loaded.document.file}` takes it as it is now")
    sys.exit(ExitCode.INVALID_INPUT)
