"""The recipe: one YAML file that describes the fine-tuning of a Qwen3 model."""

from typing import Annotated, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.chat import Chat
from qwen_recipes.recipe.spec.hardware_and_output import BackendOptions, Hardware, Output, Run, TrackingField
from qwen_recipes.recipe.spec.method import MethodField, Quantization
from qwen_recipes.recipe.spec.model_and_data import Data, ModelField
from qwen_recipes.recipe.spec.objective import ObjectiveField
from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.stages import Stage
from qwen_recipes.recipe.spec.sweep import Sweep
from qwen_recipes.recipe.spec.text_forms import GUARD_CODE, RECIPE_NAME
from qwen_recipes.recipe.spec.training import Training

GuardCode = Annotated[str, Field(pattern=GUARD_CODE)]


class Recipe(Section):
    """One fine-tuning run. `version`, `model` and `data.train` are enough; the rest has defaults."""

    version: Literal[1] = required_field("Version of the recipe format.", example=1, read_by="tool")
    name: str | None = optional_field(
        "Name of the run. Default: the file's name without `.recipe.yaml`.",
        example="support-bot",
        read_by="tool",
        pattern=RECIPE_NAME,
        max_length=100,
    )
    extends: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] | None = optional_field(
        "Recipes to inherit from: files, relative to this one, or presets. Later ones override earlier ones, and this "
        "recipe overrides all; `null` removes a value.",
        example=["base.yaml", "official"],
        read_by="tool",
    )
    model: ModelField = required_field("The model to fine-tune.", example="Qwen/Qwen3-4B-Instruct-2507")
    data: Data = required_field("Training and validation data.", example={"train": "data/support.jsonl"})
    chat: Chat | None = optional_field("Chat template and loss mask.", example={"train_on": "assistant"})
    method: MethodField | None = optional_field("All weights, some layers, or an adapter.", example="qlora")
    quantization: Quantization | None = optional_field("Quantization of the frozen base model.", example={"bits": 4})
    objective: ObjectiveField | None = optional_field("Training objective.", example="sft")
    training: Training | None = optional_field(
        "Duration, batches, optimizer and precision.", example={"epochs": 3, "learning_rate": 1e-4}
    )
    hardware: Hardware | None = optional_field(
        "GPUs, nodes and how training is distributed.", example={"gpu": "rtx-4090", "gpus": 1}
    )
    output: Output | None = optional_field("Where results are written.", example={"dir": "runs/support-bot"})
    tracking: TrackingField | None = optional_field("Experiment tracking.", example="wandb")
    run: Run | None = optional_field("Framework and environment.", example={"backend": "axolotl"})
    allow: dict[GuardCode, Annotated[str, Field(min_length=3)]] | None = optional_field(
        "Guards to suppress, each with a reason.",
        example={"QR101": "measured on our cluster, works"},
        read_by="tool",
    )
    stages: Annotated[list[Stage], Field(min_length=1)] | None = optional_field(
        "Stages of a pipeline, in order. Each has a name and overrides the rest of the recipe, or merges; it starts "
        "from what the stage before wrote.",
        example=[{"name": "sft"}, {"name": "merge", "merge": "base"}],
        read_by="tool",
    )
    sweep: Sweep | None = optional_field(
        "Train with several values of some fields, and rank the results.",
        example={"parameters": {"training.learning_rate": [5e-5, 1e-4, 2e-4]}},
        read_by="tool",
    )
    backends: dict[str, BackendOptions] | None = optional_field(
        "Native keys of one framework, by the framework's name.",
        example={"axolotl": {"extra": {"lora_mlp_kernel": True}}},
    )
