"""The merges of a pipeline in its lock: what is merged, how, and by which mergekit."""

from __future__ import annotations

from qwen_recipes.environments.program_environments import get_program_environment
from qwen_recipes.recipe.pipeline import Pipeline, PipelineStage


def lock_merges(pipeline: Pipeline) -> dict[str, dict[str, object]]:
    """What the lock holds of each stage that merges, by its name, as JSON types."""
    return {stage.name: _lock_merge(stage) for stage in pipeline.stages if stage.merge is not None}


def _lock_merge(stage: PipelineStage) -> dict[str, object]:
    assert stage.merge is not None
    locked = stage.merge.model_dump(exclude_none=True, exclude={"adapters", "models"})
    locked["inputs"] = [{"folder": one.folder, "weight": one.weight} for one in stage.inputs]
    if stage.base is not None:
        locked["base"] = stage.base.folder
    if stage.merge.models is not None:
        locked["mergekit"] = get_program_environment("mergekit").version
    return locked
