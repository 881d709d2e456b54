"""`--locked`: nothing is done where anything is not as the recipe's lock says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error

if TYPE_CHECKING:
    from qwen_recipes.compile import CompiledRecipe


def exit_on_drift(outputs: list[CompiledRecipe]) -> None:
    """Go on in silence, or say everything that drifted and exit 1; exit 2 where there is no lock to read."""
    from qwen_recipes.runs.recipe_lock import find_drift, get_lock_path, read_lock

    file = outputs[0].loaded.document.file
    path = get_lock_path(file)
    try:
        found = find_drift(read_lock(path), outputs)
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
    print_stderr(f"recipes: not as {path} says; `recipes lock {file}` takes it as it is now")
    sys.exit(ExitCode.INVALID_INPUT)
