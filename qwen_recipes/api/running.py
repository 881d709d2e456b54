"""`run`: compile, check the machine, train, and return the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.api.compiling import compile_recipe
from qwen_recipes.api.recipe import Recipe
from qwen_recipes.diagnose.causes import name_first_cause
from qwen_recipes.environments.environment import Environment, MissingEnvironmentError
from qwen_recipes.environments.gpu import detect_gpus
from qwen_recipes.environments.optional_packages import find_missing_packages
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.finding import RecipeError
from qwen_recipes.runs import preflight
from qwen_recipes.runs.metrics import StepMetrics, read_metrics
from qwen_recipes.runs.progress import RunProgress
from qwen_recipes.runs.record import RunRecord
from qwen_recipes.runs.run import RunOptions, find_trained_weights, get_output_folder, run_training


class PreflightError(QwenRecipesError):
    """The run can't start on this machine. `problems` has every reason, a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended, successfully or not; `record` is its run.json. A notebook shows its curves."""

    record: RunRecord
    weights: Path | None
    """The trained adapter, or a model's first file."""

    @property
    def ok(self) -> bool:
        """Whether it finished."""
        return self.record.status == "finished"

    @property
    def output(self) -> Path:
        """The output folder."""
        return Path(self.record.output)

    @property
    def metrics(self) -> list[StepMetrics]:
        """Loss, learning rate, seconds and memory in bytes, by optimizer step; empty if nothing was logged."""
        return read_metrics(self.output)

    def _repr_html_(self) -> str:
        from qwen_recipes.reports.notebook import render_run

        return render_run(self.record)


def run(
    recipe: Recipe | str | Path,
    backend: str | None = None,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    on_progress: Callable[[RunProgress], None] = lambda progress: None,
) -> FinishedRun:
    """Train, and wait for the end; call it from the main thread. A failed run is returned with its record.

    `folder` is for the compiled files, as in `compile_recipe`; `resume` resumes from the last complete checkpoint;
    `force` overwrites compiled files that were edited by hand; `on_progress` is called about once a second.
    Raises RecipeError, PreflightError, HandEditedError, ResumeMismatchError, OutputFolderBusyError, OSError.
    """
    files = compile_recipe(recipe, backend, folder=folder)
    compiled, gpus = files.compiled, detect_gpus()
    problems = preflight.find_obstacles(compiled.plan, get_output_folder(compiled), compiled.recipe.model, gpus)
    if wrong := preflight.find_path_errors(compiled.plan, compiled.loaded):
        raise RecipeError(wrong)
    environment: Environment | None = None
    try:
        environment = preflight.find_run_environment(compiled.plan, compiled.backend, compiled.loaded.folder)
        problems += find_missing_packages(compiled.plan, environment.interpreter)
        problems += preflight.find_drifted_packages(environment)
    except MissingEnvironmentError as error:
        problems.insert(0, str(error))
    if environment is None or problems:
        raise PreflightError(problems)
    files.write(force=force)
    options = RunOptions(resume=resume, gpus=gpus, progress=on_progress, find_cause=name_first_cause)
    record = run_training(compiled, (), environment, options=options)
    return FinishedRun(record, find_trained_weights(Path(record.output), compiled.plan.method.adapter))
