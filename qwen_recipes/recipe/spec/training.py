"""Duration, batches, optimizer and precision. Lengths are in tokens, batches in examples, intervals in steps."""

from functools import partial
from typing import Annotated, Literal, get_args

from pydantic import Field

from qwen_recipes.recipe.bounds import MAX_BATCH
from qwen_recipes.recipe.spec.section import Section, optional_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_list, expand_number

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


class BatchSize(Section):
    """Effective batch size: of an optimizer step, over all GPUs. Either `examples` or `packs`."""

    examples: int | None = optional_field(
        "Examples per optimizer step, also when they are packed: the number of packs follows from their mean length.",
        example=16,
        ge=1,
        le=MAX_BATCH,
    )
    packs: int | None = optional_field(
        "Packs per optimizer step, however many examples they hold; needs `packing: true`.",
        example=16,
        ge=1,
        le=MAX_BATCH,
    )


BatchSizeField = Annotated[
    BatchSize,
    ShortForm(
        partial(expand_number, "examples"),
        {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_BATCH,
            "description": "Examples per optimizer step.",
            "examples": [16],
        },
    ),
]


class LowRank(Section):
    """Gradient projection of `galore_adamw` and `apollo_adamw`."""

    rank: int | None = optional_field("Rank of the projected gradients of linear layers.", example=128, ge=1, le=16384)
    update_interval: int | None = optional_field(
        "Optimizer steps between updates of the projection.", example=200, ge=1, le=1_000_000
    )
    scale: float | None = optional_field("Scale of the update of projected weights.", example=0.25, gt=0.0, le=1000.0)


class Training(Section):
    """Duration, batches, optimizer and precision."""

    epochs: float | None = optional_field(
        "Passes over the training data. Cannot be combined with `steps`.", example=3, gt=0, le=1000
    )
    steps: int | None = optional_field(
        "Number of optimizer steps. Cannot be combined with `epochs`.", example=500, ge=1, le=100_000_000
    )
    sequence_length: int | None = optional_field(
        "Maximum length of an example in tokens; for `grpo`, of a prompt.", example=2048, ge=8
    )
    overlong: Literal["drop", "truncate", "error"] | None = optional_field(
        "What to do with longer examples: drop them, truncate the end, or stop with an error.", example="drop"
    )
    packing: bool | None = optional_field(
        "Pack several short examples into one sequence; attention does not cross between them.", example=True
    )
    pack_length: int | None = optional_field(
        "Tokens of a pack, at least `sequence_length`; needs `packing: true`. Default: `sequence_length`.",
        example=8192,
        ge=8,
    )
    batch_size: BatchSizeField | None = optional_field(
        "Effective batch size: examples per optimizer step over all GPUs, also when they are packed; a sampled answer "
        "counts as one. `{packs: 16}` counts packs.",
        example=16,
    )
    micro_batch_size: int | None = optional_field(
        "Sequences (examples, or packs) per GPU and forward pass. Gradient accumulation follows from it and "
        "`batch_size`.",
        example=2,
        ge=1,
        le=65536,
    )
    learning_rate: float | None = optional_field("Peak learning rate.", example=1e-4, gt=0.0, lt=1.0)
    scheduler: Scheduler | None = optional_field("Learning rate schedule after warmup.", example="cosine")
    warmup_ratio: float | None = optional_field(
        "Warmup as a share of all steps. Cannot be combined with `warmup_steps`.", example=0.05, ge=0.0, lt=1.0
    )
    warmup_steps: int | None = optional_field(
        "Warmup in optimizer steps. Cannot be combined with `warmup_ratio`.", example=20, ge=0, le=100_000_000
    )
    decay_ratio: float | None = optional_field(
        "Share of all steps, at the end, in which `warmup_stable_decay` decays to the minimum.",
        example=0.1,
        gt=0.0,
        le=1.0,
    )
    optimizer: Optimizer | None = optional_field("Optimizer, by its name in transformers.", example="adamw_torch_fused")
    low_rank: LowRank | None = optional_field(
        "Gradient projection of `galore_adamw` and `apollo_adamw`.", example={"rank": 128, "scale": 0.25}
    )
    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] | None = optional_field(
        "Adam's beta1 and beta2: decay rates of the first and second moment.", example=[0.9, 0.999]
    )
    epsilon: float | None = optional_field("Adam's epsilon.", example=1e-8, gt=0.0, lt=1.0)
    weight_decay: float | None = optional_field("Decoupled weight decay.", example=0.01, ge=0.0, lt=1.0)
    max_grad_norm: float | None = optional_field(
        "Maximum gradient norm; larger gradients are clipped. 0 disables clipping.", example=1.0, ge=0.0
    )
    min_learning_rate: float | None = optional_field(
        "Final learning rate of `cosine_with_min_lr` and `warmup_stable_decay`. Cannot be combined with "
        "`min_learning_rate_ratio`.",
        example=1e-5,
        ge=0.0,
        lt=1.0,
    )
    min_learning_rate_ratio: float | None = optional_field(
        "Final learning rate of `cosine_with_min_lr` and `warmup_stable_decay`, as a share of the peak: 0, or at "
        "least 0.001.",
        example=0.1,
        ge=0.0,
        lt=1.0,
    )
    precision: Literal["bf16", "fp16", "fp32"] | None = optional_field("Precision of computation.", example="bf16")
    weights_dtype: Literal["float32", "bfloat16"] | None = optional_field(
        "Data type of the trained weights that the optimizer updates (master weights), adapters included.",
        example="float32",
    )
    tf32: bool | None = optional_field(
        "Compute float32 matrix products in TensorFloat-32 (Ampere and later): faster, 10-bit mantissa.",
        example=False,
    )
    fp8: bool | None = optional_field("Compute matrix products in 8-bit floats, on GPUs that support it.", example=True)
    seed: int | None = optional_field(
        "Random seed of initialization, data order and dropout.", example=42, ge=0, lt=2**32
    )
    data_seed: int | None = optional_field(
        "Random seed of data order and validation split. Default: `seed`.", example=7, ge=0, lt=2**32
    )
    gradient_checkpointing: Literal["offload"] | bool | None = optional_field(
        "Recompute activations in the backward pass instead of storing them, which saves memory; `offload` also moves "
        "the stored ones to host memory.",
        example=True,
    )
    attention: (
        Literal[
            "auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flash_attention_4", "flex_attention"
        ]
        | None
    ) = optional_field("Attention implementation.", example="auto")
    kernels: Kernels | None = optional_field(
        "Fused kernels: `liger` (rotary embedding, RMSNorm, SwiGLU, and a loss that does not store all logits), "
        "`cut-cross-entropy` (such a loss only), `lora` (adapter and base fused), or `none`. Default: `liger` for "
        "dense "
        "models on a GPU with a next-token loss.",
        example=["liger"],
    )
    compile: bool | None = optional_field("Compile the model with torch.compile.", example=True)
    neftune: float | None = optional_field("NEFTune: scale of the noise added to embeddings.", example=5.0, gt=0.0)
    early_stopping: int | None = optional_field(
        "Early-stopping patience: stop after this many evaluations without a better validation loss.", example=3, ge=1
    )
    evaluate_every: Literal["epoch"] | Annotated[int, Field(ge=1)] | None = optional_field(
        "Evaluation interval: `epoch`, or a number of steps.", example=50
    )
    evaluations_per_epoch: float | None = optional_field(
        "Evaluations per epoch: 4 evaluates four times, 0.5 every second epoch. Replaces `evaluate_every`.",
        example=4,
        gt=0.0,
        le=1000.0,
    )
    save_every: Literal["epoch", "never"] | Annotated[int, Field(ge=1)] | None = optional_field(
        "Checkpoint interval: `epoch`, a number of steps, or `never` to save only the trained weights at the end.",
        example="epoch",
    )
    saves_per_epoch: float | None = optional_field(
        "Checkpoints per epoch: 4 saves four times, 0.5 every second epoch. Replaces `save_every`.",
        example=4,
        gt=0.0,
        le=1000.0,
    )
    save_optimizer: bool | None = optional_field(
        "Save the optimizer state in checkpoints, which resuming needs. `false` saves weights only.",
        example=False,
    )
    dataloader_workers: int | None = optional_field(
        "Data loading processes per GPU; 0 loads in the training process.", example=4, ge=0, le=256
    )
    keep_checkpoints: int | None = optional_field(
        "Number of checkpoints to keep; older ones are deleted.", example=2, ge=1
    )
    log_every: int | None = optional_field("Steps between log lines.", example=10, ge=1)
