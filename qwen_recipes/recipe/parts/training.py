"""Optimisation: lengths in tokens, batches in sequences, intervals in optimizer steps.

Written by tools/generate_docs.py from spec/training.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.field_kinds import Boolean, Either, Float, Integer, ListOf, OneOf, PartOf, WithShorthand
from qwen_recipes.recipe.part import RecipePart
from qwen_recipes.recipe.shorthands import wrap_in_list

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.part import FieldKind


class LowRank(RecipePart):
    """The projection of gradients under `galore_adamw` and `apollo_adamw`."""

    rank: int | None = None
    update_interval: int | None = None
    scale: float | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "rank": Integer(ge=1, le=16384),
        "update_interval": Integer(ge=1, le=1000000),
        "scale": Float(gt=0.0, le=1000.0),
    }


class Training(RecipePart):
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
            "warmup_stable_decay",
        ]
        | None
    ) = None
    warmup_ratio: float | None = None
    warmup_steps: int | None = None
    decay_ratio: float | None = None
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
    min_learning_rate_ratio: float | None = None
    precision: Literal["bf16", "fp16", "fp32"] | None = None
    weights_dtype: Literal["float32", "bfloat16"] | None = None
    tf32: bool | None = None
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
    evaluations_per_epoch: float | None = None
    save_every: Literal["epoch", "never"] | int | None = None
    saves_per_epoch: float | None = None
    save_optimizer: bool | None = None
    dataloader_workers: int | None = None
    keep_checkpoints: int | None = None
    log_every: int | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "epochs": Float(gt=0, le=1000),
        "steps": Integer(ge=1, le=100000000),
        "sequence_length": Integer(ge=8),
        "overlong": OneOf("drop", "truncate", "error"),
        "packing": Boolean(),
        "batch_size": Integer(ge=1, le=1000000),
        "micro_batch_size": Integer(ge=1, le=65536),
        "learning_rate": Float(gt=0.0, lt=1.0),
        "scheduler": OneOf(
            "cosine",
            "cosine_with_min_lr",
            "cosine_with_restarts",
            "linear",
            "polynomial",
            "constant",
            "constant_with_warmup",
            "inverse_sqrt",
            "warmup_stable_decay",
        ),
        "warmup_ratio": Float(ge=0.0, lt=1.0),
        "warmup_steps": Integer(ge=0, le=100000000),
        "decay_ratio": Float(gt=0.0, le=1.0),
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
        "betas": ListOf(Float(ge=0.0, lt=1.0), min_length=2, max_length=2),
        "epsilon": Float(gt=0.0, lt=1.0),
        "weight_decay": Float(ge=0.0, lt=1.0),
        "max_grad_norm": Float(ge=0.0),
        "min_learning_rate": Float(ge=0.0, lt=1.0),
        "min_learning_rate_ratio": Float(ge=0.0, lt=1.0),
        "precision": OneOf("bf16", "fp16", "fp32"),
        "weights_dtype": OneOf("float32", "bfloat16"),
        "tf32": Boolean(),
        "fp8": Boolean(),
        "seed": Integer(ge=0, lt=4294967296),
        "data_seed": Integer(ge=0, lt=4294967296),
        "gradient_checkpointing": Either(OneOf("offload"), Boolean()),
        "attention": OneOf("auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"),
        "kernels": WithShorthand(
            wrap_in_list, ListOf(OneOf("none", "liger", "cut-cross-entropy", "lora"), min_length=1)
        ),
        "compile": Boolean(),
        "neftune": Float(gt=0.0),
        "early_stopping": Integer(ge=1),
        "evaluate_every": Either(OneOf("epoch"), Integer(ge=1)),
        "evaluations_per_epoch": Float(gt=0.0, le=1000.0),
        "save_every": Either(OneOf("epoch", "never"), Integer(ge=1)),
        "saves_per_epoch": Float(gt=0.0, le=1000.0),
        "save_optimizer": Boolean(),
        "dataloader_workers": Integer(ge=0, le=256),
        "keep_checkpoints": Integer(ge=1),
        "log_every": Integer(ge=1),
    }
