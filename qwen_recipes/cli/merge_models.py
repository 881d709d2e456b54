"""`recipes merge` of whole models."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_json, print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error

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
    from qwen_recipes.export.merge import MergeFailedError
    from qwen_recipes.export.merge_models import MODEL_METHODS, NEED_DENSITY, merge_models

    if job.method not in MODEL_METHODS:
        exit_with_error(f"--combine {job.method} is for adapters; models: {', '.join(MODEL_METHODS)}", ExitCode.USAGE)
    if job.density is not None and job.method not in NEED_DENSITY:
        exit_with_error(f"--density applies to --combine {' or '.join(NEED_DENSITY)}", ExitCode.USAGE)
    program = _find_mergekit(environment)
    try:
        report = merge_models(job, program)
    except MergeFailedError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except OSError as error:
        exit_with_error(f"{error.filename or job.output}: {error.strerror}", ExitCode.USAGE)
    if form == "json":
        print_json({"output": str(job.output), **report})
        return
    print_stderr(f"{job.output}: {len(job.models)} models, {job.method}, {report['bytes'] / 1e9:.2f} GB")


def _find_mergekit(environment: Path | None) -> Path:
    from qwen_recipes.export.merge_models import INSTALL

    found = environment / "bin" / "mergekit-yaml" if environment else shutil.which("mergekit-yaml")
    if found is None or not Path(found).is_file():
        where = f"{environment} has no bin/mergekit-yaml" if environment else "merging models needs mergekit"
        exit_with_error(f"{where}: {INSTALL}, then --environment mergekit-env", ExitCode.ENVIRONMENT)
    return Path(found)
