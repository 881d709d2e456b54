"""Trained weights, adapters and quantization."""

from functools import partial
from typing import Annotated, Literal, get_args

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_word

MethodName = Literal["full", "freeze", "lora", "dora", "qlora", "qdora"]
ModuleName = Literal["embed_tokens", "lm_head"]
TargetName = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Method(Section):
    """All weights, some layers, or an adapter."""

    type: MethodName | None = optional_field(
        "`full` trains all weights, `freeze` the last `layers` decoder layers, `lora` an adapter. `dora`, `qlora` and "
        "`qdora` are `lora` with `variant: dora`, a 4-bit base, or both.",
        example="qlora",
    )
    variant: Literal["plain", "dora", "pissa"] | None = optional_field(
        "Adapter variant: `dora` trains direction and magnitude separately, `pissa` initializes from the weights' "
        "principal components.",
        example="plain",
    )
    rank: int | None = optional_field("Rank of the adapter.", example=16, ge=1, le=4096)
    alpha: int | None = optional_field(
        "Scales the adapter's update by alpha/rank, or by alpha/√rank with rsLoRA.", example=32, ge=1, le=65536
    )
    dropout: float | None = optional_field("Dropout probability of the adapter's input.", example=0.0, ge=0.0, lt=1.0)
    targets: Literal["all-linear"] | Annotated[list[TargetName], Field(min_length=1)] | None = optional_field(
        "Linear layers with an adapter: `all-linear`, or a list of names.", example="all-linear"
    )
    rslora: Literal["auto"] | bool | None = optional_field(
        "Rank-stabilized LoRA: scale by alpha/√rank instead of alpha/rank. `auto` is false.", example=True
    )
    layers: int | None = optional_field(
        "Number of decoder layers, counted from the last, that are trained (freeze) or have an adapter (lora).",
        example=8,
        ge=1,
        le=1000,
    )
    lora_plus: float | None = optional_field(
        "LoRA+: ratio of the learning rate of B (and of DoRA's magnitudes) to that of A.",
        example=16.0,
        gt=0.0,
        le=10000.0,
    )
    modules_to_save: Annotated[list[ModuleName], Field(min_length=1)] | None = optional_field(
        "Modules trained in full and saved with the adapter.", example=["embed_tokens", "lm_head"]
    )
    start_from: str | None = optional_field(
        "Adapter to continue training: a folder, relative to the recipe, or a hub id. Its rank, alpha, dropout and "
        "targets are kept.",
        example="runs/first/adapter",
        min_length=1,
    )
    start_from_revision: str | None = optional_field(
        "Commit or tag of the adapter on the hub that `start_from` names.", example="1f3a9c0d", min_length=1
    )


class Quantization(Section):
    """Quantization of the frozen base model under an adapter (bitsandbytes)."""

    bits: Literal[4, 8] | None = optional_field("Bits per weight.", example=4)
    type: Literal["nf4", "fp4"] | None = optional_field("4-bit number format.", example="nf4")
    double: bool | None = optional_field("Double quantization: quantize the quantization constants too.", example=True)
    experts: bool | None = optional_field(
        "Quantize the experts of a mixture-of-experts model too: a 4- or 8-bit load leaves their fused weights as they "
        "are.",
        example=True,
    )
    storage: Literal["auto", "uint8", "bf16"] | None = optional_field(
        "Data type that 4-bit weights are stored in; sharding with FSDP needs bf16.", example="auto"
    )


MethodField = Annotated[
    Method,
    ShortForm(
        partial(expand_word, "type"), {"enum": [*get_args(MethodName)], "description": "Short form of the method."}
    ),
]
