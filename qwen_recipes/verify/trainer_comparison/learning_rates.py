"""The course of the learning rate that a plan asks for, computed here: what a trainer's scheduler is held against."""

from __future__ import annotations

import math

from qwen_recipes.backends.plan import TrainingPlan

POLYNOMIAL_END = 1e-7
"""Where `polynomial` ends, as a rate; transformers' own."""


def count_warmup_steps(training: TrainingPlan, total: int) -> int:
    """Optimizer steps of warmup in a run of `total` steps."""
    if training.warmup.steps is not None:
        return training.warmup.steps
    return math.ceil(total * (training.warmup.ratio or 0.0))


def count_decay_steps(training: TrainingPlan, total: int) -> int:
    """Optimizer steps of the last part of `warmup_stable_decay`, in a run of `total` steps."""
    if training.decay.steps is not None:
        return training.decay.steps
    return math.ceil(total * (training.decay.ratio or 0.0))


def plan_rate(training: TrainingPlan, step: int, total: int) -> float:
    """The learning rate of one optimizer step, counted from 0, as a share of the peak."""
    warmup = count_warmup_steps(training, total)
    scheduler = training.scheduler
    if scheduler == "constant":
        return 1.0
    if scheduler == "inverse_sqrt":
        return _inverse_square_root(step, warmup)
    if scheduler == "warmup_stable_decay":
        return _stable_then_decay(training, step, total)
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


def _stable_then_decay(training: TrainingPlan, step: int, total: int) -> float:
    """transformers' schedule with its own shapes: warmup is linear from the minimum, the decay half a cosine."""
    warmup, decay = count_warmup_steps(training, total), count_decay_steps(training, total)
    least = training.min_learning_rate_ratio
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
