"""What is trained, and how the weights that are not are stored.

Written by tools/generate_docs.py from spec/method.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.field_kinds import Boolean, Either, Float, Integer, ListOf, OneOf, String
from qwen_recipes.recipe.part import RecipePart

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.part import FieldKind


class Method(RecipePart):
    """Every weight, or an adapter."""

    type: Literal["full", "freeze", "lora", "dora", "qlora", "qdora"] | None = None
    variant: Literal["plain", "dora", "pissa"] | None = None
    rank: int | None = None
    alpha: int | None = None
    dropout: float | None = None
    targets: (
        Literal["all-linear"]
        | list[Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]]
        | None
    ) = None
    rslora: Literal["auto"] | bool | None = None
    layers: int | None = None
    lora_plus: float | None = None
    modules_to_save: list[Literal["embed_tokens", "lm_head"]] | None = None
    start_from: str | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "type": OneOf("full", "freeze", "lora", "dora", "qlora", "qdora"),
        "variant": OneOf("plain", "dora", "pissa"),
        "rank": Integer(ge=1, le=4096),
        "alpha": Integer(ge=1, le=65536),
        "dropout": Float(ge=0.0, lt=1.0),
        "targets": Either(
            OneOf("all-linear"),
            ListOf(OneOf("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1),
        ),
        "rslora": Either(OneOf("auto"), Boolean()),
        "layers": Integer(ge=1, le=1000),
        "lora_plus": Float(gt=0.0, le=10000.0),
        "modules_to_save": ListOf(OneOf("embed_tokens", "lm_head"), min_length=1),
        "start_from": String(min_length=1),
    }


class Quantization(RecipePart):
    """How the frozen base is stored under an adapter (bitsandbytes)."""

    bits: Literal[4, 8] | None = None
    type: Literal["nf4", "fp4"] | None = None
    double: bool | None = None
    storage: Literal["auto", "uint8", "bf16"] | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "bits": OneOf(4, 8),
        "type": OneOf("nf4", "fp4"),
        "double": Boolean(),
        "storage": OneOf("auto", "uint8", "bf16"),
    }
