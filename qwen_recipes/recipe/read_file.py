"""The bytes of a recipe's file."""

from __future__ import annotations

import sys
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import explain_size, get_max_bytes, read_bytes


class RecipeReadError(QwenRecipesError):
    """The file does not exist or cannot be read."""


def read_recipe_bytes(file: str) -> bytes:
    """The file's bytes; `-` is standard input. Raises RecipeReadError."""
    if file == "-":
        content = sys.stdin.buffer.read(get_max_bytes("recipe") + 1)
        if len(content) > get_max_bytes("recipe"):
            raise RecipeReadError(f"standard input can't be read: {explain_size('recipe')}")
        return content
    try:
        return read_bytes(Path(file), "recipe")
    except IsADirectoryError:
        raise RecipeReadError(f"{file} is a folder, not a recipe file") from None
    except FileNotFoundError:
        raise RecipeReadError(f"{file} does not exist") from None
    except OSError as error:
        raise RecipeReadError(f"{file}: cannot read: {error.strerror}") from None
