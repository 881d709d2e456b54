"""The bytes of a recipe's file."""

from __future__ import annotations

import sys
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError


class RecipeReadError(QwenRecipesError):
    """The file is not there or can't be read."""


def read_recipe_bytes(file: str) -> bytes:
    """The file's bytes; `-` is standard input. Raises RecipeReadError."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except IsADirectoryError:
        raise RecipeReadError(f"{file} is a folder, not a recipe") from None
    except FileNotFoundError:
        raise RecipeReadError(f"{file} is not there") from None
    except OSError as error:
        raise RecipeReadError(f"{file} can't be read: {error.strerror}") from None
