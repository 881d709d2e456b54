"""A stage that merges, as `recipes run` does it: adapters in a framework's environment, models by mergekit."""

from __future__ import annotations

from dataclasses import asdict
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.filesystem.home_folder import expand_home

if TYPE_CHECKING:
    from qwen_recipes.export.merge import MergeJob
    from qwen_recipes.export.merge_models import ModelMerge
    from qwen_recipes.recipe.pipeline import PipelineStage
    from qwen_recipes.resolve import BackendRecipe


def build_stage_job(stage: PipelineStage, recipe: BackendRecipe) -> MergeJob | ModelMerge:
    """What a stage merges; `recipe` is that of its first input. Raises MergeFailedError where an input is not there."""
    assert stage.merge is not None
    return _build_adapter_job(stage, recipe) if stage.merge.models is None else _build_model_job(stage, recipe)


def _build_adapter_job(stage: PipelineStage, recipe: BackendRecipe) -> MergeJob:
    from qwen_recipes.export.merge import MergeJob, TrainedBase, find_adapter_folder, read_quantization

    plan, folder, merge = recipe.plan, recipe.loaded.folder, stage.merge
    assert merge is not None
    base = str((folder / plan.model.id).resolve()) if plan.model.local else plan.model.id
    return MergeJob(
        adapters=tuple((find_adapter_folder(folder / expand_home(o.folder)), o.weight) for o in stage.inputs),
        base=TrainedBase(base, on_modelscope=plan.model.source == "modelscope").require_readable(),
        revision=plan.model.revision,
        output=folder / expand_home(stage.output),
        combine=merge.combine or "cat",
        rank=merge.rank,
        density=merge.density,
        seed=merge.seed or 0,
        into=merge.into or "base",
        dtype=merge.dtype,
        quantization=read_quantization(lambda name: attrgetter(name)(plan)),
    )


def _build_model_job(stage: PipelineStage, recipe: BackendRecipe) -> ModelMerge:
    from qwen_recipes.export.merge import TrainedBase
    from qwen_recipes.export.merge_models import ModelMerge, require_model_folder

    folder, merge, base = recipe.loaded.folder, stage.merge, None
    assert merge is not None
    if stage.base is not None:
        place, model = folder / expand_home(stage.base.folder), recipe.plan.model
        pinned = f"{model.id}@{model.revision}" if model.revision and model.id == stage.base.folder else None
        base = TrainedBase(
            str(place) if place.is_dir() else pinned or stage.base.folder,
            on_modelscope=model.source == "modelscope" and not place.is_dir(),
        )
    return ModelMerge(
        models=tuple((require_model_folder(folder / expand_home(o.folder)), o.weight) for o in stage.inputs),
        method=merge.combine or "linear",
        output=folder / expand_home(stage.output),
        base=base.require_readable() if base else None,
        density=merge.density,
        seed=merge.seed or 0,
        dtype=merge.dtype,
    )


def list_job_inputs(job: MergeJob | ModelMerge) -> list[Path]:
    """The folders of weights that a merge reads."""
    folders = [folder for folder, _ in _list_weighted(job)]
    return folders + ([Path(job.base)] if job.base and Path(job.base).is_dir() else [])


def describe_job(job: MergeJob | ModelMerge) -> dict[str, object]:
    """How a merge is done, without where its inputs lie."""
    described = {name: value for name, value in asdict(job).items() if name not in ("adapters", "models", "output")}
    return {**described, "weights": [weight for _, weight in _list_weighted(job)]}


def _list_weighted(job: MergeJob | ModelMerge) -> tuple[tuple[Path, float], ...]:
    from qwen_recipes.export.merge import MergeJob

    return job.adapters if isinstance(job, MergeJob) else job.models


def run_stage_job(job: MergeJob | ModelMerge, recipe: BackendRecipe) -> dict[str, object]:
    """Merge, and print what it loses; the report. Raises MergeFailedError, MissingEnvironmentError, OSError."""
    from qwen_recipes.export.merge import MergeJob, format_losses, run_merge
    from qwen_recipes.export.merge_models import find_mergekit, merge_models
    from qwen_recipes.runs.preflight import find_run_environment

    if not isinstance(job, MergeJob):
        return merge_models(job, find_mergekit())
    environment = find_run_environment(recipe.plan, recipe.backend, recipe.loaded.folder)
    report = run_merge(job, environment.interpreter)
    if job.caveat:
        print_stderr(f"recipes: {job.caveat}")
    for line in format_losses(report["losses"], job.combine) if report.get("losses") else []:
        print_stderr(line)
    return report
