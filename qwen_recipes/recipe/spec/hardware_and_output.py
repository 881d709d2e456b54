"""Where it runs, what it runs with, and where it writes."""

from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_word, parse_gib

GpuMemory = Annotated[
    float,
    Field(ge=1, le=1024),
    ShortForm(
        parse_gib,
        {"type": "string", "pattern": "^[0-9.]+ ?G(i?B)?$", "description": "With its unit.", "examples": ["48 GiB"]},
    ),
]


class Gpu(Section):
    """The GPU: its name, or what is to be known of one that is not listed."""

    name: str | None = optional_field(
        "Name, as nvidia-smi or people spell it. docs/reference/gpus.md lists what is known.",
        example="rtx-4090",
        read_by="tool",
        min_length=1,
    )
    memory: GpuMemory | None = optional_field(
        "Memory of one GPU in GiB. It also tells apart GPUs that are sold with several sizes.",
        example="48 GiB",
        read_by="tool",
    )
    bf16: bool | None = optional_field(
        "Whether it computes in bf16; `true` where a GPU that is not listed leaves it out.",
        example=True,
        read_by="tool",
    )


GpuField = Annotated[
    Gpu,
    ShortForm(
        partial(expand_word, "name"),
        {"type": "string", "minLength": 1, "description": "Name of the GPU.", "examples": ["rtx-4090"]},
    ),
]

Strategy = Literal["auto", "single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp1", "megatron"]


class Hardware(Section):
    """The machine."""

    gpu: GpuField | None = optional_field(
        "GPU model; what it can do follows from it. A name, or a map.", example="rtx-4090", read_by="tool"
    )
    gpus: int | None = optional_field("GPUs on one host.", example=1, read_by="launcher", ge=1, le=64)
    nodes: int | None = optional_field("Hosts, each with as many GPUs.", example=2, read_by="launcher", ge=1, le=1024)
    strategy: Strategy | None = optional_field(
        "How the work is spread over GPUs: `ddp` copies everything; `zero1`, `zero2`, `zero3` shard optimizer, "
        "gradients, weights with DeepSpeed; `fsdp` shards with PyTorch (FSDP2, `fsdp1` the older one); `megatron` "
        "splits the model itself with Megatron-Core; `auto` chooses.",
        example="auto",
    )
    offload: Literal["none", "optimizer", "all"] | None = optional_field(
        "What a sharding strategy keeps in host memory: nothing, the optimizer, or weights too.", example="optimizer"
    )
    tensor_parallel: int | None = optional_field("GPUs that share each layer.", example=2, ge=1, le=64)
    context_parallel: int | None = optional_field("GPUs that share each sequence.", example=2, ge=1, le=64)
    pipeline_parallel: int | None = optional_field(
        "Groups of GPUs that each hold a share of the layers (megatron).", example=2, ge=1, le=64
    )
    expert_parallel: int | None = optional_field(
        "GPUs that share the experts of each layer (megatron).", example=2, ge=1, le=128
    )
    device: Literal["cuda", "cpu"] | None = optional_field("`cpu` is for trying things out.", example="cpu")


class Hub(Section):
    """Where the trained weights are pushed."""

    id: str = required_field(
        "Repository on the hub.", example="me/support-bot", pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"
    )
    private: bool | None = optional_field("Whether only you can see it.", example=True)


HubField = Annotated[
    Hub,
    ShortForm(
        partial(expand_word, "id"),
        {"type": "string", "description": "Repository on the hub.", "examples": ["me/support-bot"]},
    ),
]


class Output(Section):
    """Where the run writes."""

    dir: str | None = optional_field(
        "Folder for checkpoints, the trained weights and the record of the run, relative to the recipe.",
        example="runs/support-bot",
        min_length=1,
    )
    hub: HubField | None = optional_field(
        "Push the trained weights to the hub: a repository, or a map.", example={"id": "me/support-bot"}
    )


Tracker = Literal["none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"]


class Tracking(Section):
    """Where the curves go."""

    to: Tracker | None = optional_field("What records the curves.", example="wandb")
    project: str | None = optional_field(
        "Project, or experiment, that the run belongs to.", example="support-bot", min_length=1
    )
    run_name: str | None = optional_field(
        "Name of the run; the recipe's where left out.", example="rank-16", min_length=1
    )


TrackingField = Annotated[
    Tracking,
    ShortForm(partial(expand_word, "to"), {"enum": [*get_args(Tracker)], "description": "Short form of tracking."}),
]


class Run(Section):
    """What it runs with."""

    backend: Literal["axolotl", "llamafactory", "ms-swift", "trl"] | str | None = optional_field(
        "Framework that trains, where the command line names none.", example="axolotl", read_by="tool"
    )
    environment: str | None = optional_field(
        "`managed` (built by `recipes env create`), `current` (already installed here), or the folder of a "
        "virtual environment.",
        example="managed",
        read_by="launcher",
        min_length=1,
    )


class BackendOptions(Section):
    """What only one framework understands."""

    extra: dict[str, Any] | None = optional_field(
        "Native keys, passed through to this framework's config after its schema has agreed.",
        example={"lora_mlp_kernel": True},
    )
