"""What would make a run fit, the least loss of speed first; each tried before it is suggested."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate.estimate import Estimate, TrainingRows, estimate_plan
from qwen_recipes.estimate.plan_changes import (
    CHANGE_REASONS,
    LAST_RESORT_REASONS,
    PLAN_CHANGES,
    STACKED_CHANGES,
    ChangedPlan,
    OverrideList,
    PlanChange,
)
from qwen_recipes.gpus.catalogue import load_gpus
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.recipe.overrides import format_override

TryFunction = Callable[[OverrideList], "Plan | None"]
"""The plan of the recipe with these overrides; None where it does not resolve, is unsupported, or lints worse."""


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
        return ", ".join(format_override(path, value) for path, value in self.overrides)

    @property
    def command_line_options(self) -> str:
        """The changes as a shell takes them: `--set training.micro_batch_size=1 --set …`."""
        return " ".join(f"--set {shlex.quote(format_override(path, value))}" for path, value in self.overrides)

    @property
    def last_resort(self) -> bool:
        """Whether it trains something else, or wants another machine."""
        return self.why in LAST_RESORT_REASONS


def suggest_fitting_changes(
    plan: Plan,
    facts: ModelFacts,
    gpu: GpuModel,
    backend: Backend | None = None,
    rows: TrainingRows | None = None,
    try_overrides: TryFunction | None = None,
) -> list[FitSuggestion]:
    """Single changes that make it fit; where none is enough alone, several together. The fastest first.

    Changes that `backend` would refuse are not suggested. With `try_overrides` each is written into the recipe first,
    and the plan that comes of it is estimated.
    """
    return _FitSearch(plan, facts, gpu, backend, rows, try_overrides).list_suggestions()


def list_gpus_that_fit(estimate: Estimate) -> list[GpuModel]:
    """The catalogue's GPUs on which it would fit as it is planned, the smallest first."""
    known = [gpu for gpu in load_gpus().values() if not gpu.outside_cuda_wheels]
    fitting = [gpu for gpu in known if replace(estimate, gpu=gpu).check_fit() == "yes"]
    able = [gpu for gpu in fitting if gpu.supports_bf16 or estimate.plan.training.precision != "bf16"]
    return sorted(able, key=lambda gpu: gpu.memory)


@dataclass(frozen=True)
class _FitSearch:
    plan: Plan
    facts: ModelFacts
    gpu: GpuModel
    backend: Backend | None
    rows: TrainingRows | None
    try_overrides: TryFunction | None

    def list_suggestions(self) -> list[FitSuggestion]:
        now = self._estimate(self.plan)
        found = [
            suggestion
            for change in PLAN_CHANGES
            if (suggestion := self._find_variant_that_fits(change, now)) is not None
        ]
        if all(suggestion.last_resort for suggestion in found):
            found += self._combine_changes(now)
        return sorted(found, key=lambda one: (LAST_RESORT_REASONS.get(one.why, 0), -one.speed))

    def _find_variant_that_fits(self, change: PlanChange, now: Estimate) -> FitSuggestion | None:
        for sets, changed in self._iterate_changes(change, (), self.plan):
            after = self._estimate(changed)
            if after.check_fit() == "yes":
                speed = after.tokens_per_second / now.tokens_per_second
                return FitSuggestion(sets, after, speed, CHANGE_REASONS[change])
        return None

    def _combine_changes(self, now: Estimate) -> list[FitSuggestion]:
        """Changes on top of one another, of each the first that makes it fit or the one that saves most."""
        sets: OverrideList = ()
        plan, best = self.plan, now
        for change in STACKED_CHANGES:
            made = [(one, self._estimate(one[1])) for one in self._iterate_changes(change, sets, plan)]
            if not made:
                continue
            fits = next((one for one in made if one[1].check_fit() == "yes"), None)
            (tried, changed), after = fits or min(made, key=lambda one: one[1].peak)
            if fits:
                tried, after = self._drop_needless(tried, after)
                return [FitSuggestion(tried, after, after.tokens_per_second / now.tokens_per_second, "together")]
            if after.peak < best.peak:
                sets, plan, best = tried, changed, after
        return []

    def _drop_needless(self, sets: OverrideList, after: Estimate) -> tuple[OverrideList, Estimate]:
        """The changes without those that it fits without."""
        for one in sets if self.try_overrides else ():
            fewer = tuple(other for other in sets if other[0] != one[0])
            plan = self.try_overrides(fewer) if self.try_overrides and fewer else None
            if plan is not None and (without := self._estimate(plan)).check_fit() == "yes":
                sets, after = fewer, without
        return sets, after

    def _iterate_changes(self, change: PlanChange, before: OverrideList, plan: Plan) -> Iterator[ChangedPlan]:
        """What the change leads to, on top of `before`, as far as the backend and the recipe's guards allow it."""
        for sets, changed in change(plan, self.rows):
            merged = tuple({**dict(before), **dict(sets)}.items())
            found = changed if self.try_overrides is None else self.try_overrides(merged)
            if found is not None and not (self.backend and self.backend.find_unsupported(found)):
                yield merged, found

    def _estimate(self, plan: Plan) -> Estimate:
        return estimate_plan(plan, self.facts, self.gpu, self.rows)
