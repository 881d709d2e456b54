"""`recipes merge` of whole models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_json, print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error
from qwen_recipes.sizes import format_bytes

if TYPE_CHECKING:
    from qwen_recipes.export.merge_models import ModelMerge


def find_models_or_exit(folders: tuple[Path, ...]) -> list[Path]:
    """The models in these folders; none where they hold adapters. Exits where they hold both."""
    from qwen_recipes.export.merge_models import find_model_folder

    found = [find_model_folder(folder) for folder in folders]
    models = [model for model in found if model is not None]
    if models and len(models) < len(folders):
        names = ", ".join(str(folder) for folder, model in zip(folders, found, strict=True) if model is None)
        exit_with_error(f"adapters and models cannot be merged together: {names} holds no whole model", ExitCode.USAGE)
    return models if len(models) > 1 else []


def run_model_merge(job: ModelMerge, environment: Path | None, form: str) -> None:
    """Merge, and say what was written."""
    from qwen_recipes.environments.environment import MissingEnvironmentError
    from qwen_recipes.export.merge import MergeFailedError, MergeRoomError
    from qwen_recipes.export.merge_models import find_mergekit, merge_models
    from qwen_recipes.recipe.composition.merge_options import COMBINE_FIELDS, MODEL_METHODS

    if job.method not in MODEL_METHODS:
        exit_with_error(f"--combine {job.method} is for adapters; models: {', '.join(MODEL_METHODS)}", ExitCode.USAGE)
    for name in ("density", "base"):
        if getattr(job, name) is not None and job.method not in COMBINE_FIELDS[name]:
            exit_with_error(f"--{name} applies to --combine {' or '.join(COMBINE_FIELDS[name])}", ExitCode.USAGE)
    try:
        report = merge_models(job, find_mergekit(environment))
    except MissingEnvironmentError as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except MergeRoomError as error:
        exit_with_error(str(error), ExitCode.DOES_NOT_FIT)
    except MergeFailedError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except OSError as error:
        exit_with_error(f"{error.filename or job.output}: {error.strerror}", ExitCode.USAGE)
    if form == "json":
        print_json({"output": str(job.output), **report})
        return
    print_stderr(f"{job.output}: {len(job.models)} models, {job.method}, {format_bytes(report['bytes'])}")
