"""What is trained, and how the weights that are not are stored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from qwen_recipes.recipe.spec.base import Part, make_shorthand, optional_field
from qwen_recipes.recipe.spec.source import ShorthandSchema

MethodName = Literal["full", "freeze", "lora", "dora", "qlora", "qdora"]
ModuleName = Literal["embed_tokens", "lm_head"]
TargetName = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Method(Part):
    """Every weight, or an adapter."""

    type: MethodName | None = optional_field(
        "`full` trains every weight; `freeze` the last `layers` only; `lora` an adapter. `dora`, `qlora`, `qdora` "
        "are short for lora with `variant: dora`, a 4-bit base, or both.",
        "qlora",
    )
    variant: Literal["plain", "dora", "pissa"] | None = optional_field(
        "Kind of adapter: `dora` learns direction and magnitude apart, `pissa` starts from the principal components.",
        "plain",
    )
    rank: int | None = optional_field("Rank of the adapter's update.", 16, ge=1, le=4096)
    alpha: int | None = optional_field(
        "Scale of the update: alpha/rank, or alpha/√rank with rsLoRA.", 32, ge=1, le=65536
    )
    dropout: float | None = optional_field("Dropout on the adapter's input, as a probability.", 0.0, ge=0.0, lt=1.0)
    targets: Literal["all-linear"] | Annotated[list[TargetName], Field(min_length=1)] | None = optional_field(
        "Linear layers that get an adapter: `all-linear`, or a list of names.", "all-linear"
    )
    rslora: Literal["auto"] | bool | None = optional_field(
        "Rank-stabilized LoRA: scale by alpha/√rank instead of alpha/rank; `auto` is false.", True
    )
    layers: int | None = optional_field(
        "Only the last so many decoder layers: trained (freeze), or given an adapter (lora).", 8, ge=1, le=1000
    )
    lora_plus: float | None = optional_field(
        "LoRA+: the learning rate of B, and of DoRA's magnitudes, is so many times that of A.",
        16.0,
        gt=0.0,
        le=10000.0,
    )
    modules_to_save: Annotated[list[ModuleName], Field(min_length=1)] | None = optional_field(
        "Modules that are trained whole and saved beside the adapter.", ["embed_tokens", "lm_head"]
    )
    start_from: str | None = optional_field(
        "Adapter to go on training, as a folder relative to the recipe; its settings are taken over.",
        "runs/first/adapter",
        min_length=1,
    )


class Quantization(Part):
    """How the frozen base is stored under an adapter (bitsandbytes)."""

    bits: Literal[4, 8] | None = optional_field("Bits per weight.", 4)
    type: Literal["nf4", "fp4"] | None = optional_field("4-bit number format.", "nf4")
    double: bool | None = optional_field("Quantize the quantization constants too.", True)
    storage: Literal["auto", "uint8", "bf16"] | None = optional_field(
        "Type the 4-bit weights are stored as; sharding needs bf16.", "auto"
    )


MethodField = Annotated[
    Method,
    BeforeValidator(make_shorthand("type")),
    ShorthandSchema(
        {"enum": ["full", "freeze", "lora", "dora", "qlora", "qdora"], "description": "Short form of the method."}
    ),
]
