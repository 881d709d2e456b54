"""Where it runs, what it runs with, and where it writes.

Written by tools/generate_docs.py from spec/place.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.field_kinds import (
    AnyValue,
    Boolean,
    Either,
    Integer,
    MapOf,
    OneOf,
    PartOf,
    String,
    WithShorthand,
)
from qwen_recipes.recipe.part import RecipePart
from qwen_recipes.recipe.shorthands import Shorthand

if TYPE_CHECKING:
    from typing import Any, ClassVar, Literal

    from qwen_recipes.recipe.part import FieldKind


class Hardware(RecipePart):
    """The machine."""

    gpu: str | None = None
    gpus: int | None = None
    nodes: int | None = None
    strategy: Literal["auto", "single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1", "megatron"] | None = None
    offload: Literal["none", "optimizer", "all"] | None = None
    tensor_parallel: int | None = None
    context_parallel: int | None = None
    pipeline_parallel: int | None = None
    expert_parallel: int | None = None
    device: Literal["cuda", "cpu"] | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "gpu": String(min_length=1),
        "gpus": Integer(ge=1, le=64),
        "nodes": Integer(ge=1, le=1024),
        "strategy": OneOf("auto", "single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1", "megatron"),
        "offload": OneOf("none", "optimizer", "all"),
        "tensor_parallel": Integer(ge=1, le=64),
        "context_parallel": Integer(ge=1, le=64),
        "pipeline_parallel": Integer(ge=1, le=64),
        "expert_parallel": Integer(ge=1, le=128),
        "device": OneOf("cuda", "cpu"),
    }


class Hub(RecipePart):
    """Where the trained weights are pushed."""

    id: str
    private: bool | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "id": String(pattern="[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"),
        "private": Boolean(),
    }
    required = ("id",)


class Output(RecipePart):
    """Where the run writes."""

    dir: str | None = None
    hub: Hub | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "dir": String(min_length=1),
        "hub": WithShorthand(Shorthand("id"), PartOf(Hub)),
    }


class Tracking(RecipePart):
    """Where the curves go."""

    to: Literal["none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"] | None = None
    project: str | None = None
    run_name: str | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "to": OneOf("none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"),
        "project": String(min_length=1),
        "run_name": String(min_length=1),
    }


class Run(RecipePart):
    """What it runs with."""

    backend: Literal["axolotl", "llamafactory", "ms-swift"] | str | None = None
    environment: str | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "backend": Either(OneOf("axolotl", "llamafactory", "ms-swift"), String()),
        "environment": String(min_length=1),
    }


class BackendOptions(RecipePart):
    """What only one framework understands."""

    extra: dict[str, Any] | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "extra": MapOf(String(), AnyValue()),
    }
