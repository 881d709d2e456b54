"""Changes of a plan that take less memory, each with the recipe's fields that lead to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate.estimate import TrainingRows

OverrideList = tuple[tuple[str, Any], ...]
ChangedPlan = tuple[OverrideList, Plan]
PlanChange = Callable[[Plan, "TrainingRows | None"], Iterator[ChangedPlan]]
GPU_COUNTS = (2, 4, 8)
SHARDING_STRATEGIES = ("zero2", "fsdp", "zero3")
OFFLOADS = (("zero2", "optimizer"), ("zero3", "optimizer"), ("fsdp", "all"), ("zero3", "all"))
"""Strategies and what each can keep in host memory, the least first."""


def enable_fused_loss(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """Liger's kernels."""
    t = plan.training
    if not (t.liger or t.cut_cross_entropy) and plan.objective.type in ("sft", "pretrain"):
        kernels: Any = ["lora", "liger"] if t.lora_kernels else "liger"
        yield (("training.kernels", kernels),), replace(plan, training=replace(t, liger=True))


def enable_checkpointing(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """Activations computed again."""
    if not plan.training.gradient_checkpointing:
        changed = replace(plan.training, gradient_checkpointing=True)
        yield (("training.gradient_checkpointing", True),), replace(plan, training=changed)


def shrink_micro_batch(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """The same batch in smaller pieces: every divisor, the largest first."""
    t = plan.training
    for micro in range(t.micro_batch_size - 1, 0, -1):
        if t.batch_size % (micro * plan.hardware.replicas) == 0:
            many = t.batch_size // (micro * plan.hardware.replicas)
            changed = replace(t, micro_batch_size=micro, gradient_accumulation=many)
            yield (("training.micro_batch_size", micro),), replace(plan, training=changed)


def use_eight_bit_optimizer(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """Moments in 8 bits, then in host memory."""
    for name in ("adamw_8bit", "paged_adamw_8bit"):
        if plan.training.optimizer.startswith("adamw_torch") or (
            plan.training.optimizer == "adamw_8bit" and name.startswith("paged")
        ):
            yield (("training.optimizer", name),), replace(plan, training=replace(plan.training, optimizer=name))


def shorten_sequences(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """Rows no longer than they are, where that is known; else half as long, and half of that, which loses the longest.

    As many at a time as now: where the recipe leaves it open, shorter rows would be taken more at a time.
    """
    t = plan.training
    longest = -(-rows.longest // 64) * 64 if rows and rows.longest else t.sequence_length
    shorter = (min(t.sequence_length, longest) // half for half in (1, 2, 4, 8))
    for needed in (length for length in shorter if 256 <= length < t.sequence_length):
        changed = replace(t, sequence_length=needed)
        sets = (("training.sequence_length", needed), ("training.micro_batch_size", t.micro_batch_size))
        yield sets, replace(plan, training=changed)


def quantize_base(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """The base in 4 bits, under an adapter."""
    m = plan.method
    if m.adapter and plan.quantization.bits == 16 and m.variant == "plain":
        less = replace(plan.quantization, bits=4, type="nf4", double=True, storage="bf16")
        yield (("method.type", "qlora"),), replace(plan, quantization=less)


def add_gpus(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """Several GPUs of one host, with everything sharded."""
    h, t = plan.hardware, plan.training
    for gpus in GPU_COUNTS:
        world = gpus * h.nodes
        if gpus <= h.gpus or h.tensor_parallel * h.context_parallel > 1 or t.batch_size % world:
            continue
        micro = next(m for m in range(t.micro_batch_size, 0, -1) if t.batch_size % (m * world) == 0)
        spread = replace(h, gpus=gpus, strategy="fsdp")
        changed = replace(t, micro_batch_size=micro, gradient_accumulation=t.batch_size // (micro * world))
        sets = (("hardware.gpus", gpus), ("hardware.strategy", "fsdp"), ("training.micro_batch_size", micro))
        yield sets, replace(plan, hardware=spread, training=changed)


def shard_weights(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """The same GPUs, with more of the model split between them: every strategy that shards."""
    h = plan.hardware
    if h.world == 1 or h.replicas != h.world:
        return
    for strategy in SHARDING_STRATEGIES:
        if strategy != h.strategy:
            yield (("hardware.strategy", strategy),), replace(plan, hardware=replace(h, strategy=strategy))


def offload_to_host(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """Optimizer, then weights too, in the host's memory."""
    h = plan.hardware
    if h.offload == "all" or h.replicas != h.world:
        return
    for strategy, offload in OFFLOADS:
        if h.world > 1 or strategy != "fsdp":
            changed = replace(h, strategy=strategy, offload=offload)
            sets = (("hardware.strategy", strategy), ("hardware.offload", offload))
            yield sets, replace(plan, hardware=changed)


def train_adapter(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """An adapter in place of the model's own weights, on a whole base or on one of 4 bits."""
    if plan.method.adapter:
        return
    method = replace(plan.method, type="lora", layers=None, layer_numbers=())
    for name, bits in (("lora", 16), ("qlora", 4)):
        stored = replace(plan.quantization, bits=bits, type="nf4", double=True, storage="bf16")
        yield (("method.type", name),), replace(plan, method=method, quantization=stored)


def hold_weights_in_bfloat16(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """What is trained in 16 bits, and AdamW's moments with it."""
    if plan.training.weights_dtype == "float32" and not plan.method.adapter:
        changed = replace(plan.training, weights_dtype="bfloat16")
        yield (("training.weights_dtype", "bfloat16"),), replace(plan, training=changed)


CHANGE_REASONS: dict[PlanChange, str] = {
    enable_fused_loss: "the loss does not store all logits",
    enable_checkpointing: "activations are recomputed",
    shard_weights: "weights are sharded over the GPUs",
    shrink_micro_batch: "same effective batch size, smaller micro-batch",
    use_eight_bit_optimizer: "8-bit optimizer states",
    quantize_base: "4-bit base",
    offload_to_host: "offload to host memory",
    shorten_sequences: "shorter examples",
    train_adapter: "an adapter instead of full fine-tuning",
    add_gpus: "more GPUs",
    hold_weights_in_bfloat16: "loses small updates (QR423)",
}
PLAN_CHANGES = tuple(CHANGE_REASONS)
STACKED_CHANGES = (
    enable_fused_loss,
    enable_checkpointing,
    shard_weights,
    shrink_micro_batch,
    use_eight_bit_optimizer,
    quantize_base,
    offload_to_host,
    shorten_sequences,
)
_LAST_RESORTS = ((shorten_sequences, add_gpus), (train_adapter,), (hold_weights_in_bfloat16,))
LAST_RESORT_REASONS = {CHANGE_REASONS[c]: place for place, changes in enumerate(_LAST_RESORTS, 1) for c in changes}
"""Suggestions that train on something else or want another machine, that train less, that lose updates: in this order,
after the others."""
