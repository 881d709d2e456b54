"""What would make a run fit, the least loss of speed first; each held against the estimator before it is offered."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate.cost import Estimate, Rows, estimate
from qwen_recipes.estimate.gpus import Gpu
from qwen_recipes.qwen.facts import ModelFacts

Sets = tuple[tuple[str, Any], ...]
Changed = tuple[Sets, Plan]
SEVERAL = (2, 4, 8)


@dataclass(frozen=True)
class Offer:
    """Changes of the recipe, by dotted path, after which it fits. `speed` is relative to the plan as it is."""

    sets: Sets
    estimate: Estimate
    speed: float
    why: str

    @property
    def text(self) -> str:
        """The changes, as a sentence lists them."""
        return ", ".join(f"{path}={_shown(value)}" for path, value in self.sets)

    @property
    def options(self) -> str:
        """The changes as a shell takes them: `--set training.micro_batch_size=1 --set …`."""
        return " ".join(f"--set {shlex.quote(f'{path}={_shown(value)}')}" for path, value in self.sets)


def offers(
    plan: Plan, facts: ModelFacts, gpu: Gpu, backend: Backend | None = None, rows: Rows | None = None
) -> list[Offer]:
    """Single changes that make it fit; where none is enough alone, all of those that train the same, then more.

    The fastest first. Changes that `backend` would refuse are not offered.
    """
    now = estimate(plan, facts, gpu, rows)
    tried = (_tried(change, plan, now, facts, gpu, backend, rows) for change in CHANGES)
    first = (next((offer for offer in several if offer.estimate.fits() == "yes"), None) for several in tried)
    found = [offer for offer in first if offer is not None]
    if all(offer.why in _LOSES for offer in found):
        found += _together(plan, now, facts, gpu, backend, rows)
    return sorted(found, key=lambda offer: (offer.why in _LOSES, -offer.speed))


def _together(
    plan: Plan, now: Estimate, facts: ModelFacts, gpu: Gpu, backend: Backend | None, rows: Rows | None
) -> list[Offer]:
    """Changes on top of one another, in order, until it fits."""
    sets: Sets = ()
    changed = plan
    for change in STACKED:
        made = next(iter(_allowed(change, changed, backend, rows)), None)
        if made is None:
            continue
        sets, changed = _merged(sets, made[0]), made[1]
        after = estimate(changed, facts, gpu, rows)
        if after.fits() == "yes" and len(sets) > 1:
            return [Offer(sets, after, after.tokens_per_second / now.tokens_per_second, "together")]
    return []


def _merged(first: Sets, then: Sets) -> Sets:
    return tuple({**dict(first), **dict(then)}.items())


def _tried(
    change: Change, plan: Plan, now: Estimate, facts: ModelFacts, gpu: Gpu, backend: Backend | None, rows: Rows | None
) -> Iterator[Offer]:
    for sets, changed in _allowed(change, plan, backend, rows):
        after = estimate(changed, facts, gpu, rows)
        yield Offer(sets, after, after.tokens_per_second / now.tokens_per_second, WHY[change])


def _allowed(change: Change, plan: Plan, backend: Backend | None, rows: Rows | None) -> Iterator[Changed]:
    for sets, changed in change(plan, rows):
        if backend is None or not backend.beyond(changed):
            yield sets, changed


def fused_loss(plan: Plan, rows: Rows | None) -> Iterator[Changed]:
    """Liger's kernels."""
    t = plan.training
    if not (t.liger or t.cut_cross_entropy) and plan.objective.type in ("sft", "pretrain"):
        kernels: Any = ["lora", "liger"] if t.lora_kernels else "liger"
        yield (("training.kernels", kernels),), replace(plan, training=replace(t, liger=True))


def checkpointing(plan: Plan, rows: Rows | None) -> Iterator[Changed]:
    """Activations computed again."""
    if not plan.training.gradient_checkpointing:
        changed = replace(plan.training, gradient_checkpointing=True)
        yield (("training.gradient_checkpointing", True),), replace(plan, training=changed)


def smaller_micro_batch(plan: Plan, rows: Rows | None) -> Iterator[Changed]:
    """The same batch in smaller pieces: every divisor, the largest first."""
    t = plan.training
    for micro in range(t.micro_batch_size - 1, 0, -1):
        if t.batch_size % (micro * plan.hardware.replicas) == 0:
            many = t.batch_size // (micro * plan.hardware.replicas)
            changed = replace(t, micro_batch_size=micro, gradient_accumulation=many)
            yield (("training.micro_batch_size", micro),), replace(plan, training=changed)


def eight_bit_optimizer(plan: Plan, rows: Rows | None) -> Iterator[Changed]:
    """Moments in 8 bits, then in host memory."""
    for name in ("adamw_8bit", "paged_adamw_8bit"):
        if plan.training.optimizer.startswith("adamw_torch") or (
            plan.training.optimizer == "adamw_8bit" and name.startswith("paged")
        ):
            yield (("training.optimizer", name),), replace(plan, training=replace(plan.training, optimizer=name))


def shorter(plan: Plan, rows: Rows | None) -> Iterator[Changed]:
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


def quantized(plan: Plan, rows: Rows | None) -> Iterator[Changed]:
    """The base in 4 bits, under an adapter."""
    m = plan.method
    if m.adapter and plan.quantization.bits == 16 and m.variant == "plain":
        less = replace(plan.quantization, bits=4, type="nf4", double=True, storage="bf16")
        yield (("method.type", "qlora"),), replace(plan, quantization=less)


def more_gpus(plan: Plan, rows: Rows | None) -> Iterator[Changed]:
    """Several GPUs of one host, with everything sharded."""
    h, t = plan.hardware, plan.training
    for gpus in SEVERAL:
        world = gpus * h.nodes
        if gpus <= h.gpus or h.tensor_parallel * h.context_parallel > 1 or t.batch_size % world:
            continue
        micro = next(m for m in range(t.micro_batch_size, 0, -1) if t.batch_size % (m * world) == 0)
        spread = replace(h, gpus=gpus, strategy="fsdp")
        changed = replace(t, micro_batch_size=micro, gradient_accumulation=t.batch_size // (micro * world))
        sets = (("hardware.gpus", gpus), ("hardware.strategy", "fsdp"), ("training.micro_batch_size", micro))
        yield sets, replace(plan, hardware=spread, training=changed)


Change = Callable[[Plan, "Rows | None"], Iterator[Changed]]
WHY: dict[Change, str] = {
    fused_loss: "a loss that never holds all logits",
    checkpointing: "activations are computed again",
    smaller_micro_batch: "the same batch in smaller pieces",
    eight_bit_optimizer: "the optimizer's moments in 8 bits",
    quantized: "the base in 4 bits",
    shorter: "shorter rows",
    more_gpus: "more GPUs",
}
CHANGES = tuple(WHY)
STACKED = (fused_loss, checkpointing, smaller_micro_batch, eight_bit_optimizer, quantized, shorter)
_LOSES = {WHY[shorter], WHY[more_gpus]}
"""Offers that train on something else, or want another machine: after the others."""


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
