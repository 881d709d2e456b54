"""What would make a run fit, the least loss of speed first; each held against the estimator before it is suggested."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate.estimate import Estimate, TrainingRows, estimate_plan
from qwen_recipes.estimate.gpu_models import GpuModel
from qwen_recipes.qwen.facts import ModelFacts

OverrideList = tuple[tuple[str, Any], ...]
ChangedPlan = tuple[OverrideList, Plan]
GPU_COUNTS = (2, 4, 8)


@dataclass(frozen=True)
class FitSuggestion:
    """Changes of the recipe, by dotted path, after which it fits. `speed` is relative to the plan as it is."""

    overrides: OverrideList
    estimate: Estimate
    speed: float
    why: str

    @property
    def text(self) -> str:
        """The changes, as a sentence lists them."""
        return ", ".join(f"{path}={_format_value(value)}" for path, value in self.overrides)

    @property
    def command_line_options(self) -> str:
        """The changes as a shell takes them: `--set training.micro_batch_size=1 --set …`."""
        return " ".join(f"--set {shlex.quote(f'{path}={_format_value(value)}')}" for path, value in self.overrides)


def suggest_fitting_changes(
    plan: Plan, facts: ModelFacts, gpu: GpuModel, backend: Backend | None = None, rows: TrainingRows | None = None
) -> list[FitSuggestion]:
    """Single changes that make it fit; where none is enough alone, all of those that train the same, then more.

    The fastest first. Changes that `backend` would refuse are not suggested.
    """
    now = estimate_plan(plan, facts, gpu, rows)
    tried = (_try_change(change, plan, now, facts, gpu, backend, rows) for change in PLAN_CHANGES)
    first = (
        next((suggestion for suggestion in several if suggestion.estimate.check_fit() == "yes"), None)
        for several in tried
    )
    found = [suggestion for suggestion in first if suggestion is not None]
    if all(suggestion.why in _LAST_RESORT_REASONS for suggestion in found):
        found += _combine_changes(plan, now, facts, gpu, backend, rows)
    return sorted(found, key=lambda suggestion: (_LAST_RESORT_REASONS.get(suggestion.why, 0), -suggestion.speed))


def _combine_changes(
    plan: Plan, current: Estimate, facts: ModelFacts, gpu: GpuModel, backend: Backend | None, rows: TrainingRows | None
) -> list[FitSuggestion]:
    """Changes on top of one another, in order, until it fits."""
    sets: OverrideList = ()
    changed = plan
    for change in STACKED_CHANGES:
        made = next(iter(_iterate_supported(change, changed, backend, rows)), None)
        if made is None:
            continue
        sets, changed = _merge_overrides(sets, made[0]), made[1]
        after = estimate_plan(changed, facts, gpu, rows)
        if after.check_fit() == "yes" and len(sets) > 1:
            return [FitSuggestion(sets, after, after.tokens_per_second / current.tokens_per_second, "together")]
    return []


def _merge_overrides(first: OverrideList, second: OverrideList) -> OverrideList:
    return tuple({**dict(first), **dict(second)}.items())


def _try_change(
    change: PlanChange,
    plan: Plan,
    current: Estimate,
    facts: ModelFacts,
    gpu: GpuModel,
    backend: Backend | None,
    rows: TrainingRows | None,
) -> Iterator[FitSuggestion]:
    for sets, changed in _iterate_supported(change, plan, backend, rows):
        after = estimate_plan(changed, facts, gpu, rows)
        yield FitSuggestion(sets, after, after.tokens_per_second / current.tokens_per_second, CHANGE_REASONS[change])


def _iterate_supported(
    change: PlanChange, plan: Plan, backend: Backend | None, rows: TrainingRows | None
) -> Iterator[ChangedPlan]:
    for sets, changed in change(plan, rows):
        if backend is None or not backend.find_unsupported(changed):
            yield sets, changed


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
    """Rows no longer than they are, where that is known; else half as long, which loses the longest.

    As many at a time as now: where the recipe leaves it open, shorter rows would be taken more at a time.
    """
    t = plan.training
    needed = t.sequence_length // 2
    if rows and rows.longest:
        needed = min(t.sequence_length, -(-rows.longest // 64) * 64)
    if 256 <= needed < t.sequence_length:
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


def hold_weights_in_bfloat16(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """What is trained in 16 bits, and AdamW's moments with it."""
    if plan.training.weights_dtype == "float32" and not plan.method.adapter:
        changed = replace(plan.training, weights_dtype="bfloat16")
        yield (("training.weights_dtype", "bfloat16"),), replace(plan, training=changed)


def train_an_adapter(plan: Plan, rows: TrainingRows | None) -> Iterator[ChangedPlan]:
    """An adapter in place of all weights."""
    if plan.method.type == "full":
        yield (("method.type", "lora"),), replace(plan, method=replace(plan.method, type="lora", variant="plain"))


PlanChange = Callable[[Plan, "TrainingRows | None"], Iterator[ChangedPlan]]
CHANGE_REASONS: dict[PlanChange, str] = {
    enable_fused_loss: "a loss that never holds all logits",
    enable_checkpointing: "activations are computed again",
    shrink_micro_batch: "the same batch in smaller pieces",
    use_eight_bit_optimizer: "the optimizer's moments in 8 bits",
    quantize_base: "the base in 4 bits",
    shorten_sequences: "shorter rows",
    add_gpus: "more GPUs",
    train_an_adapter: "an adapter in place of all weights",
    hold_weights_in_bfloat16: "small updates are rounded away (QR423)",
}
PLAN_CHANGES = tuple(CHANGE_REASONS)
STACKED_CHANGES = (
    enable_fused_loss,
    enable_checkpointing,
    shrink_micro_batch,
    use_eight_bit_optimizer,
    quantize_base,
    shorten_sequences,
)
_LAST_RESORT_REASONS = {
    CHANGE_REASONS[change]: place
    for change, place in (
        *((shorten_sequences, 1), (add_gpus, 1)),
        *((train_an_adapter, 2), (hold_weights_in_bfloat16, 3)),
    )
}
"""Offers that train on something else or want another machine, that train less, that lose updates: in this order,
after the others."""


def _format_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_format_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
