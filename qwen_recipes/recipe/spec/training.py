"""Optimisation: lengths in tokens, batches in sequences, intervals in optimizer steps."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from qwen_recipes.recipe.bounds import MAX_BATCH
from qwen_recipes.recipe.spec.section import Section, optional_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_list

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
Kernels = Annotated[
    list[Kernel],
    Field(min_length=1),
    ShortForm(expand_list, {"enum": [*get_args(Kernel)], "description": "A single kernel."}),
]


class LowRank(Section):
    """The projection of gradients under `galore_adamw` and `apollo_adamw`."""

    rank: int | None = optional_field(
        "Rank that gradients of linear layers are projected to.", example=128, ge=1, le=16384
    )
    update_interval: int | None = optional_field(
        "Optimizer steps between two new projections.", example=200, ge=1, le=1_000_000
    )
    scale: float | None = optional_field("Factor on the update of projected weights.", example=0.25, gt=0.0, le=1000.0)


class Training(Section):
    """How long, on how much at a time, and with which optimizer."""

    epochs: float | None = optional_field(
        "Passes over the training rows. Not together with `steps`.", example=3, gt=0, le=1000
    )
    steps: int | None = optional_field(
        "Optimizer steps. Not together with `epochs`.", example=500, ge=1, le=100_000_000
    )
    sequence_length: int | None = optional_field(
        "Longest sequence that is trained on, in tokens; under `grpo` the longest prompt.", example=2048, ge=8
    )
    overlong: Literal["drop", "truncate", "error"] | None = optional_field(
        "What happens to a row that is longer: left out, cut at the end, or the run stops.", example="drop"
    )
    packing: bool | None = optional_field(
        "Put several short rows into one sequence, with attention that keeps them apart.", example=True
    )
    batch_size: int | None = optional_field(
        "Sequences per optimizer step over all GPUs; a full pack counts as one, and so does a sampled answer.",
        example=16,
        ge=1,
        le=MAX_BATCH,
    )
    micro_batch_size: int | None = optional_field(
        "Sequences per GPU and forward pass; accumulation follows from it.", example=2, ge=1, le=65536
    )
    learning_rate: float | None = optional_field("Peak learning rate.", example=1e-4, gt=0.0, lt=1.0)
    scheduler: Scheduler | None = optional_field("Course of the learning rate after warmup.", example="cosine")
    warmup_ratio: float | None = optional_field(
        "Warmup as a share of the run. Not together with `warmup_steps`.", example=0.05, ge=0.0, lt=1.0
    )
    warmup_steps: int | None = optional_field(
        "Warmup in optimizer steps. Not together with `warmup_ratio`.", example=20, ge=0, le=100_000_000
    )
    decay_ratio: float | None = optional_field(
        "Share of the run, its last, over which `warmup_stable_decay` falls to its minimum.",
        example=0.1,
        gt=0.0,
        le=1.0,
    )
    optimizer: Optimizer | None = optional_field("Optimizer, by its transformers name.", example="adamw_torch_fused")
    low_rank: LowRank | None = optional_field(
        "The projection of gradients under `galore_adamw` and `apollo_adamw`.", example={"rank": 128, "scale": 0.25}
    )
    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] | None = optional_field(
        "Adam's decay rates of the first and second moment.", example=[0.9, 0.999]
    )
    epsilon: float | None = optional_field("Adam's epsilon.", example=1e-8, gt=0.0, lt=1.0)
    weight_decay: float | None = optional_field("Decoupled weight decay.", example=0.01, ge=0.0, lt=1.0)
    max_grad_norm: float | None = optional_field(
        "Gradients are clipped to this norm; 0 turns it off.", example=1.0, ge=0.0
    )
    min_learning_rate: float | None = optional_field(
        "Where `cosine_with_min_lr` and `warmup_stable_decay` end, as a learning rate. Not together with "
        "`min_learning_rate_ratio`.",
        example=1e-5,
        ge=0.0,
        lt=1.0,
    )
    min_learning_rate_ratio: float | None = optional_field(
        "Where `cosine_with_min_lr` and `warmup_stable_decay` end, as a share of the peak: 0, or 0.001 and more.",
        example=0.1,
        ge=0.0,
        lt=1.0,
    )
    precision: Literal["bf16", "fp16", "fp32"] | None = optional_field("Precision of the computation.", example="bf16")
    weights_dtype: Literal["float32", "bfloat16"] | None = optional_field(
        "What the trained weights (an adapter's too) are held in: the copy that the optimizer updates.",
        example="float32",
    )
    tf32: bool | None = optional_field(
        "Matrix products of float32 in TensorFloat-32, on GPUs from Ampere on: faster, with 10 bits of mantissa.",
        example=False,
    )
    fp8: bool | None = optional_field("Matrix products in 8-bit floats, on GPUs that have them.", example=True)
    seed: int | None = optional_field("Seed of initialisation, order and dropout.", example=42, ge=0, lt=2**32)
    data_seed: int | None = optional_field(
        "Seed of the rows' order and of the split; the seed where left out.", example=7, ge=0, lt=2**32
    )
    gradient_checkpointing: Literal["offload"] | bool | None = optional_field(
        "Compute activations again in the backward pass instead of keeping them; `offload` keeps what is left in "
        "host memory.",
        example=True,
    )
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"] | None = (
        optional_field("Attention implementation.", example="auto")
    )
    kernels: Kernels | None = optional_field(
        "Fused kernels: `liger` (rotary, RMSNorm, SwiGLU, and a loss that never holds all logits), `cut-cross-entropy` "
        "(that loss alone), `lora` (adapters and their base in one), or `none`. Left out: `liger` on a GPU, where a "
        "dense model learns the next token.",
        example=["liger"],
    )
    compile: bool | None = optional_field("torch.compile.", example=True)
    neftune: float | None = optional_field("NEFTune: scale of the noise on embeddings.", example=5.0, gt=0.0)
    early_stopping: int | None = optional_field(
        "Stop after this many evaluations without a better validation loss.", example=3, ge=1
    )
    evaluate_every: Literal["epoch"] | Annotated[int, Field(ge=1)] | None = optional_field(
        "When validation runs: each epoch, or every so many steps.", example=50
    )
    evaluations_per_epoch: float | None = optional_field(
        "How often validation runs in an epoch: 4 is four times, 0.5 every other epoch. In place of `evaluate_every`.",
        example=4,
        gt=0.0,
        le=1000.0,
    )
    save_every: Literal["epoch", "never"] | Annotated[int, Field(ge=1)] | None = optional_field(
        "When a checkpoint is written: each epoch, every so many steps, or `never`: the trained weights alone, at the "
        "end.",
        example="epoch",
    )
    saves_per_epoch: float | None = optional_field(
        "How many checkpoints an epoch has: 4, or 0.5 for every other epoch. In place of `save_every`.",
        example=4,
        gt=0.0,
        le=1000.0,
    )
    save_optimizer: bool | None = optional_field(
        "Whether a checkpoint has the optimizer's state, which resuming needs; without it, it is weights alone.",
        example=False,
    )
    dataloader_workers: int | None = optional_field(
        "Processes for each GPU that make batches beside the training; 0 for none.", example=4, ge=0, le=256
    )
    keep_checkpoints: int | None = optional_field("Checkpoints that are kept; older ones are deleted.", example=2, ge=1)
    log_every: int | None = optional_field("Steps between two log lines.", example=10, ge=1)
