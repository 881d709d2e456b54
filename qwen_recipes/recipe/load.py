"""From a file to a Recipe."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.recipe.check import locate, validate
from qwen_recipes.recipe.consistency import contradictions
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.nodes import Document, plain_data
from qwen_recipes.recipe.overrides import override
from qwen_recipes.recipe.parts import Recipe
from qwen_recipes.recipe.reader import read_yaml


class CannotRead(Exception):
    """The file is not there or can't be read."""


@dataclass(frozen=True)
class Loaded:
    """A recipe with the document it was read from."""

    recipe: Recipe
    document: Document
    folder: Path
    """Relative paths of the recipe start here."""

    @property
    def name(self) -> str:
        """The recipe's name, or its file's with what a name can't hold replaced."""
        stem = Path(self.document.file).name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".recipe")
        usable = re.sub(r"[^A-Za-z0-9._-]+", "-", "" if self.document.file == "<stdin>" else stem)[:100].strip(".-_")
        return self.recipe.name or usable or "recipe"

    @property
    def hash(self) -> str:
        """SHA-256 over what the recipe says, in hex; comments and layout don't count."""
        return content_hash(plain_data(self.document.root))


def content_hash(data: Any) -> str:
    """SHA-256 of the canonical JSON of `data`, in hex."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_bytes(file: str) -> bytes:
    """The file's bytes; `-` is standard input. Raises CannotRead."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except IsADirectoryError:
        raise CannotRead(f"{file} is a folder, not a recipe") from None
    except FileNotFoundError:
        raise CannotRead(f"{file} is not there") from None
    except OSError as error:
        raise CannotRead(f"{file} can't be read: {error.strerror}") from None


def load(file: str, sets: tuple[str, ...] = ()) -> Loaded:
    """Read, override and validate a recipe. Raises CannotRead, or RecipeError with every problem at once."""
    name = "<stdin>" if file == "-" else file
    folder = Path() if file == "-" else Path(file).parent
    return load_text(read_bytes(file), name, folder, sets)


def load_text(content: bytes | str, name: str, folder: Path, sets: tuple[str, ...] = ()) -> Loaded:
    """As `load`, for text: findings call it `name`, relative paths start at `folder`. Raises RecipeError."""
    document = override(read_yaml(content, name), sets)
    recipe = validate(document)
    problems = [locate(document, finding) for finding in contradictions(recipe)]
    if problems:
        raise RecipeError(problems)
    return Loaded(recipe, document, folder)
