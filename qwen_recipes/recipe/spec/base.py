"""What all parts of the spec share: nothing unknown is let in, and every field explains itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qwen_recipes.recipe.shorthands import Shorthand

Consumer = Literal["backend", "launcher", "tool"]
"""Who must read a field: the backend's files, the launch command, or `recipes` itself."""


class Part(BaseModel):
    """A map of the recipe. Unknown keys and wrong types are errors; what is not written is None."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=False
    )


def optional_field(description: str, example: Any, *, read_by: Consumer = "backend", **limits: Any) -> Any:
    """A field that may be left out: its description and example, its limits, and who reads it."""
    return Field(
        default=None,
        description=description,
        examples=[example],
        json_schema_extra={"x-read-by": read_by},
        **limits,
    )


def required_field(description: str, example: Any, *, read_by: Consumer = "backend", **limits: Any) -> Any:
    """A field that must be written."""
    return Field(description=description, examples=[example], json_schema_extra={"x-read-by": read_by}, **limits)


def make_shorthand(key: str, kinds: tuple[type, ...] = (str,)) -> Shorthand:
    """A validator that reads `value` as `{key: value}`, so that the short way of writing a part is the part."""
    return Shorthand(key, kinds)
