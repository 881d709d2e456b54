"""Micro-batch and accumulation: they multiply back to the global batch exactly, or say which sizes would."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.recipe.bounds import MAX_BATCH
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

_ASSUMED_GPU_MEMORY = 24


@dataclass(frozen=True)
class BatchSizes:
    """Sequences per optimizer step, per GPU and forward pass, and how many passes make a step."""

    size: int
    micro_batch_size: int
    gradient_accumulation: int


def resolve_batch(
    t: Training,
    hardware: HardwarePlan,
    gpu: GpuModel | None,
    length: int,
    decisions: PlanDecisions,
    largest: int | None = None,
) -> BatchSizes:
    """size = micro x accumulation x GPUs. A size that can't be split so is a problem.

    `largest` bounds the micro-batch that is chosen, where the framework has a limit.
    """
    world = hardware.replicas
    default = 16 if 16 % world == 0 else world
    size = decisions.choose_value(
        "training.batch_size", t.batch_size, default, "16 sequences, or one per GPU if there are more GPUs"
    )
    budget = _choose_token_budget(gpu)
    micro = t.micro_batch_size or largest or _find_largest_micro_batch(size // world or 1, budget, length)
    why = f"largest divisor with at most {budget:,} tokens per forward pass"
    if largest:
        why = f"this attention takes at most {largest} pack at a time here"
    decisions.choose_value("training.micro_batch_size", t.micro_batch_size, micro, why, "hardware")
    unit = world * micro
    if size % unit:
        _report_batch_size(t, size, unit, world, decisions)
    fields = ("training.batch_size", "training.micro_batch_size")
    decisions.derive_value(
        "training.gradient_accumulation",
        None,
        f"{size} = {micro} x {max(size // (world * micro), 1)} x {world} {'GPU' if world == 1 else 'GPUs'}",
        *fields,
    )
    return BatchSizes(size, micro, max(size // unit, 1))


def _choose_token_budget(gpu: GpuModel | None) -> int:
    memory = gpu.memory if gpu else _ASSUMED_GPU_MEMORY
    return 2048 if memory < 16 else 4096 if memory < 40 else 8192


def _find_largest_micro_batch(per_gpu: int, budget: int, length: int) -> int:
    fits = [m for m in range(1, min(per_gpu, budget // length) + 1) if per_gpu % m == 0]
    return fits[-1] if fits else 1


def _report_batch_size(t: Training, size: int, unit: int, world: int, decisions: PlanDecisions) -> None:
    below, above = size // unit * unit, (size // unit + 1) * unit
    sizes = " or ".join(str(n) for n in (below, above) if 1 <= n <= MAX_BATCH)
    instead = f"batch_size: {sizes}" if sizes else f"a micro_batch_size of at most {MAX_BATCH // world}"
    made = f"{world} {'GPU' if world == 1 else 'GPUs'} x {unit // world} sequences"
    route = "batch_size" if t.batch_size else "micro_batch_size"
    decisions.report_problem(("training", route), f"a batch of {size} sequences cannot be divided over {made}", instead)
