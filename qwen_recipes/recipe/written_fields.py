"""What the person wrote in a recipe."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.recipe.spec.section import Section


def find_written_fields(recipe: Section) -> frozenset[str]:
    """Dotted paths of the leaves that the person wrote; `auto` asks for nothing."""
    return frozenset(_walk_written_fields(recipe, ""))


def _walk_written_fields(section: Section, prefix: str) -> Iterator[str]:
    for name in section.model_fields_set:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _walk_written_fields(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Section):
            yield f"{prefix}{name}"
            for item in value:
                yield from _walk_written_fields(item, f"{prefix}{name}[].")
        elif name == "backends":
            for backend, options in (value or {}).items():
                yield from _walk_written_fields(options, f"{prefix}{name}.{backend}.")
        elif value is not None and value != "auto":
            yield f"{prefix}{name}"
