"""A recipe for one backend: what commands pass on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.qwen.models import ModelFacts, get_model_facts
from qwen_recipes.recipe.load import LoadedRecipe, override_recipe
from qwen_recipes.resolve.resolve import resolve
from qwen_recipes.resolve.speed import make_training_rows

if TYPE_CHECKING:
    from qwen_recipes.estimate import Estimate, TrainingRows
    from qwen_recipes.gpus.gpu_model import GpuModel


@dataclass(frozen=True)
class BackendRecipe:
    """A recipe and a backend, and what follows from the two: each value is computed once, when it is first needed."""

    loaded: LoadedRecipe
    backend: Backend

    @cached_property
    def plan(self) -> Plan:
        """Every setting, with its reason. Raises RecipeError."""
        return resolve(self.loaded, self.backend)

    @cached_property
    def model(self) -> ModelFacts:
        """Shape and parameter counts of the model."""
        return get_model_facts(self.plan.model, self.loaded.folder)

    @cached_property
    def training_rows(self) -> TrainingRows | None:
        """Examples and their mean tokens, estimated from the files' sizes; None unless all are local JSONL."""
        from qwen_recipes.data.estimate_rows import BYTES_PER_TOKEN, estimate_sources
        from qwen_recipes.data.sample_examples import estimate_split
        from qwen_recipes.data.source_files import list_source_files
        from qwen_recipes.estimate import TrainingRows

        folder = self.loaded.folder
        seen = estimate_sources(
            (list_source_files(source.path, folder) if source.path else [], source.limit, source.weight)
            for source in self.plan.data.train
        )
        if not seen:
            return None
        examples, share = estimate_split(self.plan, folder)
        count = round(seen[0] * examples)
        known = make_training_rows(self.loaded, self.plan)
        if known is not None:
            return replace(known, count=count)
        return TrainingRows(count, seen[1] * share / BYTES_PER_TOKEN)

    @cached_property
    def _estimates(self) -> dict[str, Estimate]:
        return {}

    def estimate(self, gpu: GpuModel) -> Estimate:
        """Memory, time and disk on this GPU; computed once for each."""
        from qwen_recipes.estimate import estimate_plan

        if gpu.name not in self._estimates:
            self._estimates[gpu.name] = estimate_plan(self.plan, self.model, gpu, self.training_rows)
        return self._estimates[gpu.name]

    def override(self, *overrides: str) -> BackendRecipe:
        """The same with further `path=value`. Raises RecipeError."""
        return BackendRecipe(override_recipe(self.loaded, overrides), self.backend)
