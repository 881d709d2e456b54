"""`--locked`: nothing is done where anything is not as the recipe's lock says."""

from __future__ import annotations

import sys
from typing import Any

from qwen_recipes.cli.common import Exit, stop
from qwen_recipes.cli.report import say


def refuse_drift(loaded: Any, every: list[Any]) -> None:
    """Go on in silence, or say everything that drifted and exit 1; exit 2 where there is no lock to read."""
    from qwen_recipes.launch.lock import drift, lock_file, read_lock

    path = lock_file(loaded.document.file)
    try:
        found = drift(read_lock(path), loaded, every)
    except OSError as error:
        stop(f"{error.filename or path} can't be read: {error.strerror}; `recipes lock` writes the lock", Exit.USAGE)
    except ValueError as error:
        stop(f"{path} can't be read: {error}", Exit.USAGE)
    if not found:
        return
    for line in found:
        say(f"recipes: {line}")
    say(f"recipes: not as {path} says; `recipes lock {loaded.document.file}` takes it as it is now")
    sys.exit(Exit.RECIPE)
