"""Where it runs, what it runs with, and where it writes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from qwen_recipes.recipe.spec.base import Part, make_shorthand, optional_field, required_field
from qwen_recipes.recipe.spec.source import ShorthandSchema

Strategy = Literal["auto", "single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1", "megatron"]


class Hardware(Part):
    """The machine."""

    gpu: str | None = optional_field(
        "GPU model; what it can do follows from it.", "rtx-4090", read_by="tool", min_length=1
    )
    gpus: int | None = optional_field("GPUs on one host.", 1, read_by="launcher", ge=1, le=64)
    nodes: int | None = optional_field("Hosts, each with as many GPUs.", 2, read_by="launcher", ge=1, le=1024)
    strategy: Strategy | None = optional_field(
        "How the work is spread over GPUs: `ddp` copies everything; `zero1`, `zero2`, `zero3` shard optimizer, "
        "gradients, weights with DeepSpeed; `fsdp` shards with PyTorch (FSDP2, `fsdp1` the older one); `megatron` "
        "splits the model itself with Megatron-Core; `auto` chooses.",
        "auto",
    )
    offload: Literal["none", "optimizer", "all"] | None = optional_field(
        "What a sharding strategy keeps in host memory: nothing, the optimizer, or weights too.", "optimizer"
    )
    tensor_parallel: int | None = optional_field("GPUs that share each layer.", 2, ge=1, le=64)
    context_parallel: int | None = optional_field("GPUs that share each sequence.", 2, ge=1, le=64)
    pipeline_parallel: int | None = optional_field(
        "Groups of GPUs that each hold a share of the layers (megatron).", 2, ge=1, le=64
    )
    expert_parallel: int | None = optional_field(
        "GPUs that share the experts of each layer (megatron).", 2, ge=1, le=128
    )
    device: Literal["cuda", "cpu"] | None = optional_field("`cpu` is for trying things out.", "cpu")


class Hub(Part):
    """Where the trained weights are pushed."""

    id: str = required_field("Repository on the hub.", "me/support-bot", pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")
    private: bool | None = optional_field("Whether only you can see it.", True)


HubField = Annotated[
    Hub,
    BeforeValidator(make_shorthand("id")),
    ShorthandSchema({"type": "string", "description": "Repository on the hub.", "examples": ["me/support-bot"]}),
]


class Output(Part):
    """Where the run writes."""

    dir: str | None = optional_field(
        "Folder for checkpoints, the trained weights and the record of the run, relative to the recipe.",
        "runs/support-bot",
        min_length=1,
    )
    hub: HubField | None = optional_field(
        "Push the trained weights to the hub: a repository, or a map.", {"id": "me/support-bot"}
    )


class Tracking(Part):
    """Where the curves go."""

    to: Literal["none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"] | None = optional_field(
        "What records the curves.", "wandb"
    )
    project: str | None = optional_field(
        "Project, or experiment, that the run belongs to.", "support-bot", min_length=1
    )
    run_name: str | None = optional_field("Name of the run; the recipe's where left out.", "rank-16", min_length=1)


TrackingField = Annotated[
    Tracking,
    BeforeValidator(make_shorthand("to")),
    ShorthandSchema(
        {
            "enum": ["none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"],
            "description": "Short form of tracking.",
        }
    ),
]


class Run(Part):
    """What it runs with."""

    backend: Literal["axolotl", "llamafactory", "ms-swift"] | str | None = optional_field(
        "Framework that trains, where the command line names none.", "axolotl", read_by="tool"
    )
    environment: str | None = optional_field(
        "`managed` (built by `recipes env create`), `current` (already installed here), or the folder of a "
        "virtual environment.",
        "managed",
        read_by="launcher",
        min_length=1,
    )


class BackendOptions(Part):
    """What only one framework understands."""

    extra: dict[str, Any] | None = optional_field(
        "Native keys, passed through to this framework's config after its schema has agreed.",
        {"lora_mlp_kernel": True},
    )
