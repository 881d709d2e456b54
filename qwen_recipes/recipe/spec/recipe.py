"""The recipe: one YAML file that says what a person wants from fine-tuning a Qwen3 model."""

from typing import Annotated, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.chat import Chat
from qwen_recipes.recipe.spec.hardware_and_output import BackendOptions, Hardware, Output, Run, TrackingField
from qwen_recipes.recipe.spec.method import MethodField, Quantization
from qwen_recipes.recipe.spec.model_and_data import Data, ModelField
from qwen_recipes.recipe.spec.objective import ObjectiveField
from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.training import Training

GuardCode = Annotated[str, Field(pattern=r"^QR[0-9]{3}$")]


class Recipe(Section):
    """One fine-tuning run. `version`, `model` and `data.train` are enough; the rest has defaults."""

    version: Literal[1] = required_field("Version of this format.", example=1, read_by="tool")
    name: str | None = optional_field(
        "Name of the run; the file's name where it is left out.",
        example="support-bot",
        read_by="tool",
        pattern=r"^[0-9A-Za-zª-𲎯][0-9A-Za-z._ª-𲎯-]*$",
        max_length=100,
    )
    extends: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] | None = optional_field(
        "Recipes that this one is laid over: files, relative to this one, and presets. Later ones win over earlier "
        "ones, this recipe over all; `null` takes away what a base says.",
        example=["base.yaml", "official"],
        read_by="tool",
    )
    model: ModelField = required_field("The model to fine-tune.", example="Qwen/Qwen3-4B-Instruct-2507")
    data: Data = required_field("Rows to train and validate on.", example={"train": "data/support.jsonl"})
    chat: Chat | None = optional_field("How a conversation becomes tokens.", example={"train_on": "assistant"})
    method: MethodField | None = optional_field("What is trained.", example="qlora")
    quantization: Quantization | None = optional_field("How the frozen base is stored.", example={"bits": 4})
    objective: ObjectiveField | None = optional_field("What is optimised.", example="sft")
    training: Training | None = optional_field("Optimisation.", example={"epochs": 3, "learning_rate": 1e-4})
    hardware: Hardware | None = optional_field("The machine.", example={"gpu": "rtx-4090", "gpus": 1})
    output: Output | None = optional_field("Where the run writes.", example={"dir": "runs/support-bot"})
    tracking: TrackingField | None = optional_field("Where the curves go.", example="wandb")
    run: Run | None = optional_field("What it runs with.", example={"backend": "axolotl"})
    allow: dict[GuardCode, Annotated[str, Field(min_length=3)]] | None = optional_field(
        "Guards that are silenced, each with the reason.",
        example={"QR101": "measured on our cluster, works"},
        read_by="tool",
    )
    backends: dict[str, BackendOptions] | None = optional_field(
        "What only one framework understands, by its name.",
        example={"axolotl": {"extra": {"lora_mlp_kernel": True}}},
    )
