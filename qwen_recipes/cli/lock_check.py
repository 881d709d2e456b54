"""`--locked`: exit where anything differs from the recipe's lock file."""

from __future__ import annotations

import sys
from typing import Any

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error


def exit_on_drift(loaded: Any, outputs: list[Any]) -> None:
    """Exit 1 with every difference from the lock file, or 2 if there is no readable lock file."""
    from qwen_recipes.runs.recipe_lock import find_drift, get_lock_path, read_lock

    path = get_lock_path(loaded.document.file)
    try:
        found = find_drift(read_lock(path), loaded, outputs)
    except OSError as error:
        exit_with_error(
            f"{error.filename or path}: cannot read: {error.strerror}; create it with `recipes lock`", ExitCode.USAGE
        )
    except ValueError as error:
        exit_with_error(f"{path}: cannot read: {error}", ExitCode.USAGE)
    if not found:
        return
    for line in found:
        print_stderr(f"recipes: {line}")
    print_stderr(f"recipes: differs from {path}; update it with `recipes lock {loaded.document.file}`")
    sys.exit(ExitCode.INVALID_INPUT)
