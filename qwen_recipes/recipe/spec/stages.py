"""Stages of a pipeline: what one is called, what it starts from, and how a merge is done."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_names, expand_word
from qwen_recipes.recipe.spec.text_forms import PART_NAME

CombineName = Literal["cat", "linear", "svd", "ties", "dare_linear", "dare_ties", "slerp", "task_arithmetic"]


class MergedAdapter(Section):
    """One adapter of a merge."""

    adapter: str = required_field(
        "Stage that trains the adapter, or the adapter's folder, relative to the recipe.",
        example="sft",
        read_by="tool",
        min_length=1,
    )
    weight: float | None = optional_field(
        "Weight of the adapter's update.", example=0.7, read_by="tool", ge=-100.0, le=100.0
    )


class MergedModel(Section):
    """One whole model of a merge."""

    model: str = required_field(
        "Stage that writes the model, or the model's folder, relative to the recipe.",
        example="sft",
        read_by="tool",
        min_length=1,
    )
    weight: float | None = optional_field(
        "Weight of the model, or of what it learned.", example=0.7, read_by="tool", ge=-100.0, le=100.0
    )


class Merge(Section):
    """How adapters, or whole models, are merged."""

    adapters: (
        Annotated[
            list[MergedAdapter],
            Field(min_length=1),
            ShortForm(partial(expand_names, "adapter"), {"type": "array", "items": {"type": "string"}, "minItems": 1}),
        ]
        | None
    ) = optional_field(
        "Adapters to merge: names of stages or folders, or maps with a weight. Default: the adapter that the stage "
        "before writes.",
        example=["sft"],
        read_by="tool",
    )
    models: (
        Annotated[
            list[MergedModel],
            Field(min_length=2),
            ShortForm(partial(expand_names, "model"), {"type": "array", "items": {"type": "string"}, "minItems": 2}),
        ]
        | None
    ) = optional_field(
        "Whole models to merge by mergekit, instead of adapters: names of stages or folders, or maps with a weight.",
        example=["sft", "tools"],
        read_by="tool",
    )
    base: str | None = optional_field(
        "Model that the merged models were trained from (task_arithmetic, ties, dare_linear, dare_ties of models): a "
        "stage, a folder or a model on the hub. Default: the recipe's model.",
        example="Qwen/Qwen3-4B",
        read_by="tool",
        min_length=1,
    )
    combine: CombineName | None = optional_field(
        "How several adapters become one: `cat` adds their updates exactly; `svd` is the best approximation at a "
        "given rank; `linear`, `ties`, `dare_linear` and `dare_ties` mix the factors A and B and are approximations. "
        "How models become one: `linear`, `slerp`, `task_arithmetic`, `ties`, `dare_linear` or `dare_ties` of their "
        "weights.",
        example="cat",
        read_by="tool",
    )
    rank: int | None = optional_field("Rank of the combined adapter (svd).", example=16, read_by="tool", ge=1, le=4096)
    density: float | None = optional_field(
        "Share of each adapter's values that is kept (ties, dare_linear, dare_ties).",
        example=0.5,
        read_by="tool",
        gt=0.0,
        le=1.0,
    )
    seed: int | None = optional_field("Seed of the values that DARE drops.", example=0, read_by="tool", ge=0)
    into: Literal["base", "dequantized", "adapter"] | None = optional_field(
        "What the adapters are merged into: `base`, the model's own weights; `dequantized`, the weights as a quantized "
        "base had them while the adapter was trained; `adapter`, one adapter and no model.",
        example="base",
        read_by="tool",
    )
    dtype: Literal["float32", "bfloat16"] | None = optional_field(
        "Data type of the merged weights. Default: that of the base.", example="bfloat16", read_by="tool"
    )


MergeField = Annotated[
    Merge,
    ShortForm(
        partial(expand_word, "into"),
        {"enum": ["base", "dequantized", "adapter"], "description": "Short form of the merge."},
    ),
]


class Stage(Section):
    """One stage: a training that overrides the recipe, or a merge."""

    name: str = required_field(
        "Name of the stage, used in folders and with `--stage`.",
        example="sft",
        read_by="tool",
        pattern=PART_NAME,
        max_length=60,
    )
    from_stage: str | None = optional_field(
        "Stage whose adapter or model this one starts from. Default: the stage before.",
        example="sft",
        read_by="tool",
        min_length=1,
    )
    merge: MergeField | None = optional_field(
        "Merge adapters or models instead of training: what adapters are merged into, or a map.",
        example="base",
        read_by="tool",
    )
