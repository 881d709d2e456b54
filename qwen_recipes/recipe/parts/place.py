"""Where it runs, what it runs with, and where it writes.

Written by scripts/docs.py from spec/place.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.kinds import Anything, Either, Kind, MapOf, OneOf, PartOf, Short, Switch, Text, Whole
from qwen_recipes.recipe.part import Part
from qwen_recipes.recipe.short_forms import ShortForm

if TYPE_CHECKING:
    from typing import Any, ClassVar, Literal

    from qwen_recipes.recipe.kinds import Kind


class Hardware(Part):
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

    kinds: ClassVar[dict[str, Kind]] = {
        "gpu": Text(min_length=1),
        "gpus": Whole(ge=1, le=64),
        "nodes": Whole(ge=1, le=1024),
        "strategy": OneOf("auto", "single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1", "megatron"),
        "offload": OneOf("none", "optimizer", "all"),
        "tensor_parallel": Whole(ge=1, le=64),
        "context_parallel": Whole(ge=1, le=64),
        "pipeline_parallel": Whole(ge=1, le=64),
        "expert_parallel": Whole(ge=1, le=128),
        "device": OneOf("cuda", "cpu"),
    }


class Hub(Part):
    """Where the trained weights are pushed."""

    id: str
    private: bool | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "id": Text(pattern="[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"),
        "private": Switch(),
    }
    required = ("id",)


class Output(Part):
    """Where the run writes."""

    dir: str | None = None
    hub: Hub | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "dir": Text(min_length=1),
        "hub": Short(ShortForm("id"), PartOf(Hub)),
    }


class Tracking(Part):
    """Where the curves go."""

    to: Literal["none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"] | None = None
    project: str | None = None
    run_name: str | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "to": OneOf("none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"),
        "project": Text(min_length=1),
        "run_name": Text(min_length=1),
    }


class Run(Part):
    """What it runs with."""

    backend: Literal["axolotl", "llamafactory", "ms-swift"] | str | None = None
    environment: str | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "backend": Either(OneOf("axolotl", "llamafactory", "ms-swift"), Text()),
        "environment": Text(min_length=1),
    }


class BackendOptions(Part):
    """What only one framework understands."""

    extra: dict[str, Any] | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "extra": MapOf(Text(), Anything()),
    }
