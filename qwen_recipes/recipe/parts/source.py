"""The model and the rows.

Written by tools/generate_docs.py from spec/source.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.field_kinds import (
    Boolean,
    Either,
    Float,
    Integer,
    ListOf,
    MapOf,
    OneOf,
    PartOf,
    String,
    WithShorthand,
)
from qwen_recipes.recipe.part import RecipePart
from qwen_recipes.recipe.shorthands import expand_sources, expand_validation

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.part import FieldKind


class Model(RecipePart):
    """The model to fine-tune."""

    id: str
    revision: str | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "id": String(min_length=1),
        "revision": String(min_length=1),
    }
    required = ("id",)


class Source(RecipePart):
    """Rows from one place: files here, or a data set on the hub."""

    path: str | None = None
    hub: str | None = None
    subset: str | None = None
    split: str | None = None
    revision: str | None = None
    format: (
        Literal["messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt"] | None
    ) = None
    columns: dict[str, str] | None = None
    limit: int | None = None
    weight: float | None = None
    roles: dict[str, Literal["system", "user", "assistant", "tool"]] | None = None
    prompt_style: Literal["plain", "alpaca"] | None = None
    encoding: (
        Literal[
            "utf-8",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "latin-1",
            "cp1252",
            "cp1251",
            "koi8-r",
            "gb18030",
            "big5",
            "shift_jis",
            "euc-jp",
            "euc-kr",
        ]
        | None
    ) = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "path": String(min_length=1),
        "hub": String(min_length=1),
        "subset": String(min_length=1),
        "split": String(min_length=1),
        "revision": String(min_length=1),
        "format": OneOf("messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt"),
        "columns": MapOf(String(), String()),
        "limit": Integer(ge=1, le=1000000000000),
        "weight": Float(gt=0.0, le=1000.0),
        "roles": MapOf(String(), OneOf("system", "user", "assistant", "tool")),
        "prompt_style": OneOf("plain", "alpaca"),
        "encoding": OneOf(
            "utf-8",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "latin-1",
            "cp1252",
            "cp1251",
            "koi8-r",
            "gb18030",
            "big5",
            "shift_jis",
            "euc-jp",
            "euc-kr",
        ),
    }


class Data(RecipePart):
    """What is trained on and what it is judged by."""

    train: list[Source]
    validation: float | list[Source] | None = None
    streaming: bool | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "train": WithShorthand(expand_sources, ListOf(PartOf(Source), min_length=1)),
        "validation": WithShorthand(
            expand_validation, Either(Float(gt=0.0, lt=1.0), ListOf(PartOf(Source), min_length=1))
        ),
        "streaming": Boolean(),
    }
    required = ("train",)


class Chat(RecipePart):
    """How a conversation becomes tokens."""

    template: str | None = None
    train_on: Literal["assistant", "last-assistant", "all"] | None = None
    turns: Literal["split", "together", "last"] | None = None
    thinking: Literal["auto", "train-empty"] | None = None
    encoding: Literal["native", "exact"] | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "template": String(min_length=1),
        "train_on": OneOf("assistant", "last-assistant", "all"),
        "turns": OneOf("split", "together", "last"),
        "thinking": OneOf("auto", "train-empty"),
        "encoding": OneOf("native", "exact"),
    }
