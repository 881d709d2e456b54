"""The model and the rows.

Written by scripts/docs.py from spec/source.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.kinds import Either, Kind, ListOf, MapOf, Number, OneOf, PartOf, Short, Switch, Text
from qwen_recipes.recipe.part import Part
from qwen_recipes.recipe.short_forms import share_or_sources, sources

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.kinds import Kind


class Model(Part):
    """The model to fine-tune."""

    id: str
    revision: str | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "id": Text(min_length=1),
        "revision": Text(min_length=1),
    }
    required = ("id",)


class Source(Part):
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
    weight: float | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "path": Text(min_length=1),
        "hub": Text(min_length=1),
        "subset": Text(min_length=1),
        "split": Text(min_length=1),
        "revision": Text(min_length=1),
        "format": OneOf("messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt"),
        "columns": MapOf(Text(), Text()),
        "weight": Number(gt=0.0, le=1000.0),
    }


class Data(Part):
    """What is trained on and what it is judged by."""

    train: list[Source]
    validation: float | list[Source] | None = None
    streaming: bool | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "train": Short(sources, ListOf(PartOf(Source), min_length=1)),
        "validation": Short(share_or_sources, Either(Number(gt=0.0, lt=1.0), ListOf(PartOf(Source), min_length=1))),
        "streaming": Switch(),
    }
    required = ("train",)


class Chat(Part):
    """How a conversation becomes tokens."""

    template: str | None = None
    train_on: Literal["assistant", "last-assistant", "all"] | None = None
    thinking: Literal["auto", "train-empty"] | None = None
    encoding: Literal["native", "exact"] | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "template": Text(min_length=1),
        "train_on": OneOf("assistant", "last-assistant", "all"),
        "thinking": OneOf("auto", "train-empty"),
        "encoding": OneOf("native", "exact"),
    }
