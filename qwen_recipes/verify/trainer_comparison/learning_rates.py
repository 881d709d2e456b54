"""The course of the learning rate that a plan asks for, computed here: what a trainer's scheduler is held against."""

from __future__ import annotations

import math

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan, TrainingPlan

POLYNOMIAL_END = 1e-7
"""Where `polynomial` ends, as a rate; transformers' own."""


def count_warmup_steps(plan: Plan, total: int) -> int:
    """Optimizer steps of warmup in a run of `total` steps; the program that prepares rows counts none or at least 2."""
    warmup = plan.training.warmup
    if warmup.steps is not None:
        return warmup.steps
    share = round(total * (warmup.ratio or 0.0), 9)
    if load_backend(plan.backend).verification.rounds_warmup_down and not plan.counts_steps:
        return 2 if int(share) == 1 else int(share)
    steps = math.ceil(share)
    if not plan.counts_steps:
        return steps
    return min(max(2, steps), total) if total > 1 else 0


def count_decay_steps(plan: Plan, total: int) -> int:
    """Optimizer steps of the last part of `warmup_stable_decay`, in a run of `total` steps."""
    if plan.training.decay.steps is not None:
        return plan.training.decay.steps
    steps = max(1, round(total * (plan.training.decay.ratio or 0.0)))
    return min(steps, max(0, total - count_warmup_steps(plan, total)))


def plan_rate(plan: Plan, step: int, total: int) -> float:
    """The learning rate of one optimizer step, counted from 0, as a share of the peak."""
    warmup, training = count_warmup_steps(plan, total), plan.training
    scheduler = training.scheduler
    if scheduler == "constant":
        return 1.0
    if scheduler == "inverse_sqrt":
        return _inverse_square_root(step, warmup)
    if scheduler == "warmup_stable_decay":
        return _stable_then_decay(plan, step, total)
    if step < warmup:
        return step / max(1, warmup)
    if scheduler == "constant_with_warmup":
        return 1.0
    done = (step - warmup) / max(1, total - warmup)
    return _decay(training, done)


def _decay(training: TrainingPlan, done: float) -> float:
    """The share of the peak after this share of the steps that follow warmup."""
    if done >= 1:
        return training.min_learning_rate_ratio if training.scheduler == "cosine_with_min_lr" else 0.0
    if training.scheduler == "linear":
        return 1 - done
    if training.scheduler == "polynomial":
        end = POLYNOMIAL_END / training.learning_rate
        return end + (1 - end) * (1 - done)
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    if training.scheduler == "cosine_with_min_lr":
        return training.min_learning_rate_ratio + (1 - training.min_learning_rate_ratio) * cosine
    return cosine


def _stable_then_decay(plan: Plan, step: int, total: int) -> float:
    """transformers' schedule with its own shapes: warmup is linear from the minimum, the decay half a cosine."""
    warmup, decay = count_warmup_steps(plan, total), count_decay_steps(plan, total)
    least = plan.training.min_learning_rate_ratio
    start = max(warmup, total - decay)
    if step < warmup:
        return least + (1 - least) * step / max(1, warmup)
    if step < start:
        return 1.0
    done = min(1.0, (step - start) / max(1, decay))
    return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * done))


def _inverse_square_root(step: int, warmup: int) -> float:
    if step < warmup:
        return step / max(1, warmup)
    timescale = warmup or 10_000
    return 1 / math.sqrt((step + timescale - warmup) / timescale)
