"""The recipe: one YAML file that says what a person wants from fine-tuning a Qwen3 model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.base import Part, needs, says
from qwen_recipes.recipe.spec.method import MethodField, Quantization
from qwen_recipes.recipe.spec.objective import ObjectiveField
from qwen_recipes.recipe.spec.place import BackendOptions, Hardware, Output, Run, TrackingField
from qwen_recipes.recipe.spec.source import Chat, Data, ModelField
from qwen_recipes.recipe.spec.training import Training

GuardCode = Annotated[str, Field(pattern=r"^QR[0-9]{3}$")]


class Recipe(Part):
    """One fine-tuning run. `version`, `model` and `data.train` are enough; the rest has defaults."""

    version: Literal[1] = needs("Version of this format.", 1, by="tool")
    name: str | None = says(
        "Name of the run; the file's name where it is left out.",
        "support-bot",
        by="tool",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=100,
    )
    model: ModelField = needs("The model to fine-tune.", "Qwen/Qwen3-4B-Instruct-2507")
    data: Data = needs("Rows to train and validate on.", {"train": "data/support.jsonl"})
    chat: Chat | None = says("How a conversation becomes tokens.", {"train_on": "assistant"})
    method: MethodField | None = says("What is trained.", "qlora")
    quantization: Quantization | None = says("How the frozen base is stored.", {"bits": 4})
    objective: ObjectiveField | None = says("What is optimised.", "sft")
    training: Training | None = says("Optimisation.", {"epochs": 3, "learning_rate": 1e-4})
    hardware: Hardware | None = says("The machine.", {"gpu": "rtx-4090", "gpus": 1})
    output: Output | None = says("Where the run writes.", {"dir": "runs/support-bot"})
    tracking: TrackingField | None = says("Where the curves go.", "wandb")
    run: Run | None = says("What it runs with.", {"backend": "axolotl"})
    allow: dict[GuardCode, Annotated[str, Field(min_length=3)]] | None = says(
        "Guards that are silenced, each with the reason.",
        {"QR101": "measured on our cluster, works"},
        by="tool",
    )
    backends: dict[str, BackendOptions] | None = says(
        "What only one framework understands, by its name.",
        {"axolotl": {"extra": {"lora_mlp_kernel": True}}},
    )
