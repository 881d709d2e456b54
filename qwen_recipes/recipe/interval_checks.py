"""Fields of which one is enough: warmup, where the learning rate ends, how often a run evaluates and saves."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.finding import Finding, Route
from qwen_recipes.recipe.spec.objective import Objective
from qwen_recipes.recipe.spec.training import Training

SCHEDULERS_WITH_MINIMUM = ("cosine_with_min_lr", "warmup_stable_decay")
_ONE_OF_TWO = (
    ("warmup_ratio", "warmup_steps"),
    ("min_learning_rate", "min_learning_rate_ratio"),
    ("evaluate_every", "evaluations_per_epoch"),
    ("save_every", "saves_per_epoch"),
)


def _make_error(route: Route, message: str, suggestion: str) -> Finding:
    return Finding("recipe", "error", message, route, suggestion=suggestion)


def check_schedule(training: Training | None) -> Iterator[Finding]:
    """Fields that only some schedules read."""
    if training is None:
        return
    for name in ("min_learning_rate", "min_learning_rate_ratio"):
        if getattr(training, name) is not None and training.scheduler not in SCHEDULERS_WITH_MINIMUM:
            words = " and ".join(f"`{word}`" for word in SCHEDULERS_WITH_MINIMUM)
            yield _make_error(
                ("training", name), f"a minimum learning rate applies to {words} only", "scheduler: cosine_with_min_lr"
            )
    if training.decay_ratio is not None and training.scheduler != "warmup_stable_decay":
        yield _make_error(
            ("training", "decay_ratio"),
            "`decay_ratio` applies to `warmup_stable_decay` only",
            "scheduler: warmup_stable_decay",
        )


def check_intervals(training: Training) -> Iterator[Finding]:
    """One thing said twice; what a run without checkpoints, or with weights alone, can't do."""
    for first, second in _ONE_OF_TWO:
        if getattr(training, first) is not None and getattr(training, second) is not None:
            yield _make_error(
                ("training", second), f"`training.{first}` and `training.{second}` are both set", "keep one of them"
            )
    if training.save_every == "never":
        for name in ("keep_checkpoints", "save_optimizer"):
            if getattr(training, name) is not None:
                yield _make_error(
                    ("training", name),
                    f"`training.{name}` is set, but no checkpoints are saved",
                    "remove it, or set `save_every`",
                )


def check_sampling(objective: Objective | None) -> Iterator[Finding]:
    """What belongs to one way of sampling by vLLM."""
    for name, mode in (("vllm_memory", "colocate"), ("vllm_server", "server")):
        if objective and getattr(objective, name) is not None and objective.vllm != mode:
            yield _make_error(("objective", name), f"`objective.{name}` needs `vllm: {mode}`", f"vllm: {mode}")
