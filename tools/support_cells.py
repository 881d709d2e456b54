"""The support matrix that several pages show, built once."""

from __future__ import annotations

from functools import cache

from qwen_recipes.backends import load_backends
from qwen_recipes.compile.support_matrix import SupportCell, build_support_matrix


@cache
def load_support_cells() -> dict[tuple[str, str], SupportCell]:
    """By field and backend: what each framework receives of each field."""
    return {(cell.field, cell.backend): cell for b in load_backends() for cell in build_support_matrix(b)}
