"""What the merges of a pipeline take, for `recipes plan`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from qwen_recipes.cli.options_and_exits import choose_backends_or_exit, get_asked_stage
from qwen_recipes.sizes import format_gib

if TYPE_CHECKING:
    from qwen_recipes.recipe.pipeline import PipelineStage
    from qwen_recipes.resolve import BackendRecipe

_ADAPTER_WEIGHT_BYTES = 4


@dataclass(frozen=True)
class MergeEstimate:
    """Bytes of host memory and of disk that a stage's merge takes."""

    stage: str
    host_bytes: int
    disk_bytes: int

    def as_json(self) -> dict[str, object]:
        """As it stands in the list that `recipes plan --format json` prints."""
        return {**asdict(self), "merge": True}

    def as_text(self) -> str:
        """One line."""
        host, disk = format_gib(self.host_bytes), format_gib(self.disk_bytes)
        return f"stage {self.stage}: merge, {host} of host memory, {disk} of disk"


def estimate_merges(file: str, sets: tuple[str, ...], backend: str | None) -> list[MergeEstimate]:
    """The merges into a model of a pipeline's file, in order; none where one stage is asked for."""
    from qwen_recipes.recipe.pipeline import load_pipeline

    pipeline = None if file == "-" or get_asked_stage() else load_pipeline(file, sets)
    stages = pipeline.stages if pipeline else ()
    return [_estimate_merge(stage, backend) for stage in stages if stage.merge and stage.merge.into != "adapter"]


def _estimate_merge(stage: PipelineStage, backend: str | None) -> MergeEstimate:
    from qwen_recipes.estimate.host_memory import estimate_model_merge_memory

    assert stage.merge is not None
    recipe = choose_backends_or_exit(stage.loaded, backend, printed={stage.name})[0]
    facts, size = recipe.model, 4.0 if stage.merge.dtype == "float32" else 2.0
    if stage.merge.models is not None:
        count = len(stage.inputs) + (stage.base is not None)
        host = estimate_model_merge_memory(facts, stage.merge.combine or "linear", count, dtype_bytes=size)
    else:
        host = _estimate_adapters(recipe, len(stage.inputs), size)
    return MergeEstimate(stage.name, round(host), round(facts.parameters * size))


def _estimate_adapters(recipe: BackendRecipe, count: int, size: float) -> float:
    """Bytes of host memory to merge `count` adapters of a recipe into a model of `size` bytes a weight."""
    from qwen_recipes.estimate.host_memory import estimate_merge_memory
    from qwen_recipes.qwen.facts import count_lora_parameters

    method, facts = recipe.plan.method, recipe.model
    saved = len(method.modules_to_save) * facts.hidden_size * facts.vocab_size
    adapter = _ADAPTER_WEIGHT_BYTES * (count_lora_parameters(facts, method.rank, method.targets) + saved)
    return estimate_merge_memory(facts, count * adapter, combined=count > 1, dtype_bytes=size)
