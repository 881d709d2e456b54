"""What is trained, and how the weights that are not are stored."""

from functools import partial
from typing import Annotated, Literal, get_args

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_word

MethodName = Literal["full", "freeze", "lora", "dora", "qlora", "qdora"]
ModuleName = Literal["embed_tokens", "lm_head"]
TargetName = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Method(Section):
    """Every weight, or an adapter."""

    type: MethodName | None = optional_field(
        "`full` trains every weight; `freeze` the last `layers` only; `lora` an adapter. `dora`, `qlora`, `qdora` "
        "are short for lora with `variant: dora`, a 4-bit base, or both.",
        example="qlora",
    )
    variant: Literal["plain", "dora", "pissa"] | None = optional_field(
        "Kind of adapter: `dora` learns direction and magnitude apart, `pissa` starts from the principal components.",
        example="plain",
    )
    rank: int | None = optional_field("Rank of the adapter's update.", example=16, ge=1, le=4096)
    alpha: int | None = optional_field(
        "Scale of the update: alpha/rank, or alpha/√rank with rsLoRA.", example=32, ge=1, le=65536
    )
    dropout: float | None = optional_field(
        "Dropout on the adapter's input, as a probability.", example=0.0, ge=0.0, lt=1.0
    )
    targets: Literal["all-linear"] | Annotated[list[TargetName], Field(min_length=1)] | None = optional_field(
        "Linear layers that get an adapter: `all-linear`, or a list of names.", example="all-linear"
    )
    rslora: Literal["auto"] | bool | None = optional_field(
        "Rank-stabilized LoRA: scale by alpha/√rank instead of alpha/rank; `auto` is false.", example=True
    )
    layers: int | None = optional_field(
        "Only the last so many decoder layers: trained (freeze), or given an adapter (lora).", example=8, ge=1, le=1000
    )
    lora_plus: float | None = optional_field(
        "LoRA+: the learning rate of B, and of DoRA's magnitudes, is this many times that of A.",
        example=16.0,
        gt=0.0,
        le=10000.0,
    )
    modules_to_save: Annotated[list[ModuleName], Field(min_length=1)] | None = optional_field(
        "Modules that are trained whole and saved beside the adapter.", example=["embed_tokens", "lm_head"]
    )
    start_from: str | None = optional_field(
        "Adapter to go on training, as a folder relative to the recipe or a hub id; its settings are taken over.",
        example="runs/first/adapter",
        min_length=1,
    )


class Quantization(Section):
    """How the frozen base is stored under an adapter (bitsandbytes)."""

    bits: Literal[4, 8] | None = optional_field("Bits per weight.", example=4)
    type: Literal["nf4", "fp4"] | None = optional_field("4-bit number format.", example="nf4")
    double: bool | None = optional_field("Quantize the quantization constants too.", example=True)
    experts: bool | None = optional_field(
        "Quantize the experts of a mixture too: they are fused weights, which a 4- or 8-bit load leaves as they are.",
        example=True,
    )
    storage: Literal["auto", "uint8", "bf16"] | None = optional_field(
        "Type the 4-bit weights are stored as; sharding needs bf16.", example="auto"
    )


MethodField = Annotated[
    Method,
    ShortForm(
        partial(expand_word, "type"), {"enum": [*get_args(MethodName)], "description": "Short form of the method."}
    ),
]
