"""Hardware, framework, output and tracking."""

from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_word, parse_gib
from qwen_recipes.recipe.spec.text_forms import REPOSITORY

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
        "Name of the GPU, as nvidia-smi prints it or in any common spelling; docs/reference/gpus.md lists them.",
        example="rtx-4090",
        read_by="tool",
        min_length=1,
    )
    memory: GpuMemory | None = optional_field(
        "Memory of one GPU in GiB. It also distinguishes GPUs that are sold with different amounts of memory.",
        example="48 GiB",
        read_by="tool",
    )
    bf16: bool | None = optional_field(
        "Whether the GPU supports bf16. Default for GPUs that are not listed: true.",
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
    """GPUs, nodes and how training is distributed."""

    gpu: GpuField | None = optional_field(
        "GPU model, a name or a map; memory, precision and attention follow from it. Default: this machine's.",
        example="rtx-4090",
        read_by="tool",
    )
    gpus: int | None = optional_field("GPUs per node.", example=1, read_by="launcher", ge=1, le=64)
    nodes: int | None = optional_field("Nodes, each with `gpus` GPUs.", example=2, read_by="launcher", ge=1, le=1024)
    strategy: Strategy | None = optional_field(
        "How training is distributed over GPUs. `ddp` replicates the model; `zero1`, `zero2` and `zero3` shard "
        "optimizer "
        "states, also gradients, also weights with DeepSpeed; `fsdp` shards all three with PyTorch's FSDP2, `fsdp1` "
        "with its predecessor; `megatron` splits the model with Megatron-Core; `auto` picks the fastest that fits.",
        example="auto",
    )
    offload: Literal["none", "optimizer", "all"] | None = optional_field(
        "What a sharding strategy keeps in host memory: nothing, the optimizer states, or the weights too.",
        example="optimizer",
    )
    prefer: Literal["speed", "memory"] | None = optional_field(
        "How settings that are left out are chosen: as the fastest by the estimate that fits the named GPU (`speed`, "
        "the default), or sparing memory (`memory`).",
        example="memory",
        read_by="tool",
    )
    tensor_parallel: int | None = optional_field("GPUs that each layer is split over.", example=2, ge=1, le=64)
    context_parallel: int | None = optional_field("GPUs that each sequence is split over.", example=2, ge=1, le=64)
    pipeline_parallel: int | None = optional_field(
        "Pipeline stages that the layers are split into (megatron).", example=2, ge=1, le=64
    )
    expert_parallel: int | None = optional_field(
        "GPUs that the experts of each layer are split over (megatron).", example=2, ge=1, le=128
    )
    device: Literal["cuda", "cpu"] | None = optional_field(
        "Device to train on; `cpu` is for trials with tiny models.", example="cpu"
    )


class Hub(Section):
    """Repository that the trained weights are pushed to."""

    id: str = required_field("Repository on the Hugging Face hub.", example="me/support-bot", pattern=REPOSITORY)
    private: bool | None = optional_field("Whether the repository is private.", example=True)


HubField = Annotated[
    Hub,
    ShortForm(
        partial(expand_word, "id"),
        {"type": "string", "description": "Repository on the Hugging Face hub.", "examples": ["me/support-bot"]},
    ),
]


class Output(Section):
    """Where results are written."""

    dir: str | None = optional_field(
        "Folder for checkpoints, trained weights, log and run record, relative to the recipe.",
        example="runs/support-bot",
        min_length=1,
    )
    hub: HubField | None = optional_field(
        "Push the trained weights to the Hugging Face hub: a repository, or a map.", example={"id": "me/support-bot"}
    )


Tracker = Literal["none", "tensorboard", "wandb", "mlflow", "swanlab", "trackio"]


class Tracking(Section):
    """Experiment tracking."""

    to: Tracker | None = optional_field("Tracker that receives the metrics.", example="wandb")
    project: str | None = optional_field("Project or experiment in the tracker.", example="support-bot", min_length=1)
    run_name: str | None = optional_field(
        "Name of the run in the tracker. Default: the recipe's name.", example="rank-16", min_length=1
    )


TrackingField = Annotated[
    Tracking,
    ShortForm(partial(expand_word, "to"), {"enum": [*get_args(Tracker)], "description": "Short form of tracking."}),
]


class Run(Section):
    """Framework and environment."""

    backend: Literal["axolotl", "llamafactory", "ms-swift", "torchtune", "trl", "unsloth"] | str | None = (
        optional_field("Framework to train with; `--backend` overrides it.", example="axolotl", read_by="tool")
    )
    environment: str | None = optional_field(
        "Python environment of the framework: `managed` (created by `recipes env create`), `current` (the one "
        "`recipes` "
        "runs in), or the folder of a virtual environment.",
        example="managed",
        read_by="launcher",
        min_length=1,
    )


class BackendOptions(Section):
    """Native keys of one framework."""

    extra: dict[str, Any] | None = optional_field(
        "Native keys for the framework's config, validated by its schema.",
        example={"lora_mlp_kernel": True},
    )
