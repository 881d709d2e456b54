"""The bytes of a recipe's file."""

from __future__ import annotations

import sys
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError


class RecipeReadError(QwenRecipesError):
    """The file does not exist or cannot be read."""


def read_recipe_bytes(file: str) -> bytes:
    """The file's bytes; `-` is standard input. Raises RecipeReadError."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except IsADirectoryError:
        raise RecipeReadError(f"{file} is a folder, not a recipe file") from None
    except FileNotFoundError:
        raise RecipeReadError(f"{file} does not exist") from None
    except OSError as error:
        raise RecipeReadError(f"{file}: cannot read: {error.strerror}") from None
