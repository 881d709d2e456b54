"""What all sections of the spec share: nothing unknown is let in, and every field explains itself."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

Consumer = Literal["backend", "launcher", "tool"]
"""Who must read a field: the backend's files, the launch command, or `recipes` itself."""


class Section(BaseModel):
    """A map of the recipe. Unknown keys and wrong types are errors; a field that is not written is None."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    @cache
    def make_empty(cls) -> Self:
        """The section with nothing written. Nothing is validated, so that pydantic builds no validator for it."""
        return cls.model_construct()


class Limits(TypedDict, total=False):
    """Bounds of a number, length and pattern of a text or list."""

    ge: float
    gt: float
    le: float
    lt: float
    min_length: int
    max_length: int
    pattern: str


def optional_field(
    description: str, *, example: object, read_by: Consumer = "backend", **limits: Unpack[Limits]
) -> Any:
    """A field that may be left out: its description and example, its limits, and who reads it."""
    return Field(
        default=None, description=description, examples=[example], json_schema_extra={"x-read-by": read_by}, **limits
    )


def required_field(
    description: str, *, example: object, read_by: Consumer = "backend", **limits: Unpack[Limits]
) -> Any:
    """A field that must be written."""
    return Field(description=description, examples=[example], json_schema_extra={"x-read-by": read_by}, **limits)
