"""Optimisation: lengths in tokens, batches in sequences, intervals in optimizer steps.

Written by scripts/docs.py from spec/training.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.kinds import Either, Kind, ListOf, Number, OneOf, PartOf, Short, Switch, Whole
from qwen_recipes.recipe.part import Part
from qwen_recipes.recipe.short_forms import one_or_more

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.kinds import Kind


class LowRank(Part):
    """The projection of gradients under `galore_adamw` and `apollo_adamw`."""

    rank: int | None = None
    update_interval: int | None = None
    scale: float | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "rank": Whole(ge=1, le=16384),
        "update_interval": Whole(ge=1, le=1000000),
        "scale": Number(gt=0.0, le=1000.0),
    }


class Training(Part):
    """How long, on how much at a time, and with which optimizer."""

    epochs: float | None = None
    steps: int | None = None
    sequence_length: int | None = None
    overlong: Literal["drop", "truncate", "error"] | None = None
    packing: bool | None = None
    batch_size: int | None = None
    micro_batch_size: int | None = None
    learning_rate: float | None = None
    scheduler: (
        Literal[
            "cosine",
            "cosine_with_min_lr",
            "cosine_with_restarts",
            "linear",
            "polynomial",
            "constant",
            "constant_with_warmup",
            "inverse_sqrt",
        ]
        | None
    ) = None
    warmup: float | None = None
    optimizer: (
        Literal[
            "adamw_torch",
            "adamw_torch_fused",
            "adamw_8bit",
            "paged_adamw_8bit",
            "paged_adamw_32bit",
            "adafactor",
            "lion_8bit",
            "lion_32bit",
            "ademamix",
            "schedule_free_adamw",
            "sgd",
            "muon",
            "galore_adamw",
            "apollo_adamw",
        ]
        | None
    ) = None
    low_rank: LowRank | None = None
    betas: list[float] | None = None
    epsilon: float | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    min_learning_rate: float | None = None
    precision: Literal["bf16", "fp16", "fp32"] | None = None
    fp8: bool | None = None
    seed: int | None = None
    data_seed: int | None = None
    gradient_checkpointing: Literal["offload"] | bool | None = None
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"] | None = (
        None
    )
    kernels: list[Literal["none", "liger", "cut-cross-entropy", "lora"]] | None = None
    compile: bool | None = None
    neftune: float | None = None
    early_stopping: int | None = None
    evaluate_every: Literal["epoch"] | int | None = None
    save_every: Literal["epoch"] | int | None = None
    keep_checkpoints: int | None = None
    log_every: int | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "epochs": Number(gt=0, le=1000),
        "steps": Whole(ge=1, le=100000000),
        "sequence_length": Whole(ge=8),
        "overlong": OneOf("drop", "truncate", "error"),
        "packing": Switch(),
        "batch_size": Whole(ge=1, le=1000000),
        "micro_batch_size": Whole(ge=1, le=65536),
        "learning_rate": Number(gt=0.0, lt=1.0),
        "scheduler": OneOf(
            "cosine",
            "cosine_with_min_lr",
            "cosine_with_restarts",
            "linear",
            "polynomial",
            "constant",
            "constant_with_warmup",
            "inverse_sqrt",
        ),
        "warmup": Number(ge=0.0),
        "optimizer": OneOf(
            "adamw_torch",
            "adamw_torch_fused",
            "adamw_8bit",
            "paged_adamw_8bit",
            "paged_adamw_32bit",
            "adafactor",
            "lion_8bit",
            "lion_32bit",
            "ademamix",
            "schedule_free_adamw",
            "sgd",
            "muon",
            "galore_adamw",
            "apollo_adamw",
        ),
        "low_rank": PartOf(LowRank),
        "betas": ListOf(Number(ge=0.0, lt=1.0), min_length=2, max_length=2),
        "epsilon": Number(gt=0.0, lt=1.0),
        "weight_decay": Number(ge=0.0, lt=1.0),
        "max_grad_norm": Number(ge=0.0),
        "min_learning_rate": Number(ge=0.0, lt=1.0),
        "precision": OneOf("bf16", "fp16", "fp32"),
        "fp8": Switch(),
        "seed": Whole(ge=0, lt=4294967296),
        "data_seed": Whole(ge=0, lt=4294967296),
        "gradient_checkpointing": Either(OneOf("offload"), Switch()),
        "attention": OneOf("auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"),
        "kernels": Short(one_or_more, ListOf(OneOf("none", "liger", "cut-cross-entropy", "lora"), min_length=1)),
        "compile": Switch(),
        "neftune": Number(gt=0.0),
        "early_stopping": Whole(ge=1),
        "evaluate_every": Either(OneOf("epoch"), Whole(ge=1)),
        "save_every": Either(OneOf("epoch"), Whole(ge=1)),
        "keep_checkpoints": Whole(ge=1),
        "log_every": Whole(ge=1),
    }
