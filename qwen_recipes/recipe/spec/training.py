"""Optimisation: lengths in tokens, batches in sequences, intervals in optimizer steps."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from qwen_recipes.recipe.bounds import MAX_BATCH
from qwen_recipes.recipe.shorthands import wrap_in_list
from qwen_recipes.recipe.spec.base import Part, optional_field
from qwen_recipes.recipe.spec.source import ShorthandSchema

Scheduler = Literal[
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
Optimizer = Literal[
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
Beta = Annotated[float, Field(ge=0.0, lt=1.0)]


Kernel = Literal["none", "liger", "cut-cross-entropy", "lora"]
_SINGLE_KERNEL_SCHEMA = ShorthandSchema({"enum": list(get_args(Kernel)), "description": "A single kernel."})


class LowRank(Part):
    """The projection of gradients under `galore_adamw` and `apollo_adamw`."""

    rank: int | None = optional_field("Rank that gradients of linear layers are projected to.", 128, ge=1, le=16384)
    update_interval: int | None = optional_field(
        "Optimizer steps between two new projections.", 200, ge=1, le=1_000_000
    )
    scale: float | None = optional_field("Factor on the update of projected weights.", 0.25, gt=0.0, le=1000.0)


class Training(Part):
    """How long, on how much at a time, and with which optimizer."""

    epochs: float | None = optional_field("Passes over the training rows. Not together with `steps`.", 3, gt=0, le=1000)
    steps: int | None = optional_field("Optimizer steps. Not together with `epochs`.", 500, ge=1, le=100_000_000)
    sequence_length: int | None = optional_field(
        "Longest sequence that is trained on, in tokens; under `grpo` the longest prompt.", 2048, ge=8
    )
    overlong: Literal["drop", "truncate", "error"] | None = optional_field(
        "What happens to a row that is longer: left out, cut at the end, or the run stops.", "drop"
    )
    packing: bool | None = optional_field(
        "Put several short rows into one sequence, with attention that keeps them apart.", True
    )
    batch_size: int | None = optional_field(
        "Sequences per optimizer step over all GPUs; a full pack counts as one, and so does a sampled answer.",
        16,
        ge=1,
        le=MAX_BATCH,
    )
    micro_batch_size: int | None = optional_field(
        "Sequences per GPU and forward pass; accumulation follows from it.", 2, ge=1, le=65536
    )
    learning_rate: float | None = optional_field("Peak learning rate.", 1e-4, gt=0.0, lt=1.0)
    scheduler: Scheduler | None = optional_field("Course of the learning rate after warmup.", "cosine")
    warmup_ratio: float | None = optional_field(
        "Warmup as a share of the run. Not together with `warmup_steps`.", 0.05, ge=0.0, lt=1.0
    )
    warmup_steps: int | None = optional_field(
        "Warmup in optimizer steps. Not together with `warmup_ratio`.", 20, ge=0, le=100_000_000
    )
    decay_ratio: float | None = optional_field(
        "Share of the run, its last, over which `warmup_stable_decay` falls to its minimum.", 0.1, gt=0.0, le=1.0
    )
    optimizer: Optimizer | None = optional_field("Optimizer, by its transformers name.", "adamw_torch_fused")
    low_rank: LowRank | None = optional_field(
        "The projection of gradients under `galore_adamw` and `apollo_adamw`.", {"rank": 128, "scale": 0.25}
    )
    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] | None = optional_field(
        "Adam's decay rates of the first and second moment.", [0.9, 0.999]
    )
    epsilon: float | None = optional_field("Adam's epsilon.", 1e-8, gt=0.0, lt=1.0)
    weight_decay: float | None = optional_field("Decoupled weight decay.", 0.01, ge=0.0, lt=1.0)
    max_grad_norm: float | None = optional_field("Gradients are clipped to this norm; 0 turns it off.", 1.0, ge=0.0)
    min_learning_rate: float | None = optional_field(
        "Where `cosine_with_min_lr` and `warmup_stable_decay` end, as a learning rate. Not together with "
        "`min_learning_rate_ratio`.",
        1e-5,
        ge=0.0,
        lt=1.0,
    )
    min_learning_rate_ratio: float | None = optional_field(
        "Where `cosine_with_min_lr` and `warmup_stable_decay` end, as a share of the peak: 0, or 0.001 and more.",
        0.1,
        ge=0.0,
        lt=1.0,
    )
    precision: Literal["bf16", "fp16", "fp32"] | None = optional_field("Precision of the computation.", "bf16")
    weights_dtype: Literal["float32", "bfloat16"] | None = optional_field(
        "What the trained weights (an adapter's too) are held in: the copy that the optimizer updates.", "float32"
    )
    tf32: bool | None = optional_field(
        "Matrix products of float32 in TensorFloat-32, on GPUs from Ampere on: faster, with 10 bits of mantissa.", False
    )
    fp8: bool | None = optional_field("Matrix products in 8-bit floats, on GPUs that have them.", True)
    seed: int | None = optional_field("Seed of initialisation, order and dropout.", 42, ge=0, lt=2**32)
    data_seed: int | None = optional_field(
        "Seed of the rows' order and of the split; the seed where left out.", 7, ge=0, lt=2**32
    )
    gradient_checkpointing: Literal["offload"] | bool | None = optional_field(
        "Compute activations again in the backward pass instead of keeping them; `offload` keeps what is left in "
        "host memory.",
        True,
    )
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"] | None = (
        optional_field("Attention implementation.", "auto")
    )
    kernels: (
        Annotated[list[Kernel], Field(min_length=1), BeforeValidator(wrap_in_list), _SINGLE_KERNEL_SCHEMA] | None
    ) = optional_field(
        "Fused kernels: `liger` (rotary, RMSNorm, SwiGLU, and a loss that never holds all logits), `cut-cross-entropy` "
        "(that loss alone), `lora` (adapters and their base in one), or `none`. Left out: `liger` on a GPU, where a "
        "dense model learns the next token.",
        ["liger"],
    )
    compile: bool | None = optional_field("torch.compile.", True)
    neftune: float | None = optional_field("NEFTune: scale of the noise on embeddings.", 5.0, gt=0.0)
    early_stopping: int | None = optional_field(
        "Stop after this many evaluations without a better validation loss.", 3, ge=1
    )
    evaluate_every: Literal["epoch"] | Annotated[int, Field(ge=1)] | None = optional_field(
        "When validation runs: each epoch, or every so many steps.", 50
    )
    evaluations_per_epoch: float | None = optional_field(
        "How often validation runs in an epoch: 4 is four times, 0.5 every other epoch. In place of `evaluate_every`.",
        4,
        gt=0.0,
        le=1000.0,
    )
    save_every: Literal["epoch", "never"] | Annotated[int, Field(ge=1)] | None = optional_field(
        "When a checkpoint is written: each epoch, every so many steps, or `never`: the trained weights alone, at the "
        "end.",
        "epoch",
    )
    saves_per_epoch: float | None = optional_field(
        "How many checkpoints an epoch has: 4, or 0.5 for every other epoch. In place of `save_every`.",
        4,
        gt=0.0,
        le=1000.0,
    )
    save_optimizer: bool | None = optional_field(
        "Whether a checkpoint has the optimizer's state, which resuming needs; without it, it is weights alone.", False
    )
    dataloader_workers: int | None = optional_field(
        "Processes for each GPU that make batches beside the training; 0 for none.", 4, ge=0, le=256
    )
    keep_checkpoints: int | None = optional_field("Checkpoints that are kept; older ones are deleted.", 2, ge=1)
    log_every: int | None = optional_field("Steps between two log lines.", 10, ge=1)
