"""What is trained, and how the weights that are not are stored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from qwen_recipes.recipe.spec.base import Part, says, short_form
from qwen_recipes.recipe.spec.source import AsShort

MethodName = Literal["full", "lora", "dora", "qlora", "qdora"]
TargetName = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Method(Part):
    """Every weight, or an adapter."""

    type: MethodName | None = says(
        "`full` trains every weight; `lora` an adapter. `dora`, `qlora`, `qdora` are short for lora with "
        "`variant: dora`, a 4-bit base, or both.",
        "qlora",
    )
    variant: Literal["plain", "dora"] | None = says("Kind of adapter.", "plain")
    rank: int | None = says("Rank of the adapter's update.", 16, ge=1, le=4096)
    alpha: int | None = says("Scale of the update: alpha/rank, or alpha/√rank with rsLoRA.", 32, ge=1, le=65536)
    dropout: float | None = says("Dropout on the adapter's input, as a probability.", 0.0, ge=0.0, lt=1.0)
    targets: Literal["all-linear"] | Annotated[list[TargetName], Field(min_length=1)] | None = says(
        "Linear layers that get an adapter: `all-linear`, or a list of names.", "all-linear"
    )
    rslora: Literal["auto"] | bool | None = says(
        "Scale by alpha/√rank instead of alpha/rank; `auto` from rank 64 on.", "auto"
    )


class Quantization(Part):
    """How the frozen base is stored under an adapter (bitsandbytes)."""

    bits: Literal[4, 8] | None = says("Bits per weight.", 4)
    type: Literal["nf4", "fp4"] | None = says("4-bit number format.", "nf4")
    double: bool | None = says("Quantize the quantization constants too.", True)
    storage: Literal["auto", "uint8", "bf16"] | None = says(
        "Type the 4-bit weights are stored as; sharding needs bf16.", "auto"
    )


MethodField = Annotated[
    Method,
    BeforeValidator(short_form("type")),
    AsShort({"enum": ["full", "lora", "dora", "qlora", "qdora"], "description": "Short form of the method."}),
]


class Objective(Part):
    """What is optimised."""

    type: Literal["sft"] | None = says("`sft`: next-token loss on the turns that `chat.train_on` names.", "sft")


ObjectiveField = Annotated[
    Objective,
    BeforeValidator(short_form("type")),
    AsShort({"enum": ["sft"], "description": "Short form of the objective."}),
]
