"""Where it runs, what it runs with, and where it writes."""

from __future__ import annotations

from typing import Any, Literal

from qwen_recipes.recipe.spec.base import Part, says

Strategy = Literal["auto", "single", "ddp", "zero2", "zero3", "fsdp"]


class Hardware(Part):
    """The machine."""

    gpu: str | None = says("GPU model; what it can do follows from it.", "rtx-4090", by="tool", min_length=1)
    gpus: int | None = says("GPUs on one host.", 1, by="launcher", ge=1, le=64)
    nodes: Literal[1] | None = says("Hosts.", 1, by="launcher")
    strategy: Strategy | None = says(
        "How the work is spread over GPUs: `ddp` copies everything, `zero2` and `zero3` shard with DeepSpeed, "
        "`fsdp` shards with PyTorch (FSDP2); `auto` chooses.",
        "auto",
    )
    device: Literal["cuda", "cpu"] | None = says("`cpu` is for trying things out.", "cpu")


class Output(Part):
    """Where the run writes."""

    dir: str | None = says(
        "Folder for checkpoints, the trained weights and the record of the run, relative to the recipe.",
        "runs/support-bot",
        min_length=1,
    )


class Run(Part):
    """What it runs with."""

    backend: Literal["axolotl", "llamafactory", "ms-swift"] | str | None = says(
        "Framework that trains, where the command line names none.", "axolotl", by="tool"
    )
    environment: str | None = says(
        "`managed` (built by `recipes env create`), `current` (already installed here), or the folder of a "
        "virtual environment.",
        "managed",
        by="launcher",
        min_length=1,
    )


class BackendOptions(Part):
    """What only one framework understands."""

    extra: dict[str, Any] | None = says(
        "Native keys, passed through to this framework's config after its schema has agreed.",
        {"lora_mlp_kernel": True},
    )
