"""`recipes verify --trainer`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, exit_with_findings
from qwen_recipes.finding import RecipeError

if TYPE_CHECKING:
    from qwen_recipes.environments.environment import Environment
    from qwen_recipes.resolve import BackendRecipe
    from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeJob
    from qwen_recipes.verify.trainer_probe.report import TrainerReport


def verify_trainer(recipes: list[BackendRecipe], rows: int, form: str) -> NoReturn:
    """Print the table of each framework, and exit: 1 where a field differs or the recipe does not compile, 4 without
    an environment or a trainer. Raises InvalidTokenizerError."""
    from qwen_recipes.data.tokenizer import check_own_tokenizer

    compiled = _select_compilable(recipes, form)
    check_own_tokenizer(compiled[0].model)
    environments = [_find_environment_or_exit(recipe) for recipe in compiled]
    reports = [
        _probe_or_exit(recipe, environment, rows) for recipe, environment in zip(compiled, environments, strict=True)
    ]
    _print_reports(reports, form)
    sys.exit(ExitCode.SUCCESS if all(report.matches for report in reports) else ExitCode.INVALID_INPUT)


def _select_compilable(recipes: list[BackendRecipe], form: str) -> list[BackendRecipe]:
    """The recipe for each framework that it compiles for; skipped frameworks are printed."""
    from qwen_recipes.compile import compile_backend_recipe

    compiled, refused = [], []
    for recipe in recipes:
        try:
            compiled.append(compile_backend_recipe(recipe, recipe.loaded.folder).recipe)
        except RecipeError as error:
            refused.append((recipe.backend, error))
    if not compiled:
        exit_with_findings(refused[0][1].findings, form)
    for backend, refusal in refused:
        first = next(finding for finding in refusal.findings if finding.severity == "error")
        print_stderr(f"recipes: {backend.title} is skipped, the recipe does not compile for it: {first.message}")
    return compiled


def _find_environment_or_exit(recipe: BackendRecipe) -> Environment:
    from qwen_recipes.environments.environment import MissingEnvironmentError
    from qwen_recipes.verify.trainer_probe.probe_jobs import find_probe_environment

    try:
        return find_probe_environment(recipe.loaded, recipe.plan, recipe.backend)
    except MissingEnvironmentError as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)


def _probe_or_exit(recipe: BackendRecipe, environment: Environment, rows: int) -> TrainerReport:
    from qwen_recipes.verify.trainer_probe.checks import check_trainer
    from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeFailedError, run_probes
    from qwen_recipes.verify.trainer_probe.report import TrainerReport, count_results

    backend = recipe.backend
    with tempfile.TemporaryDirectory(prefix="recipes-verify-") as scratch:
        job = _prepare_or_exit(recipe, rows, Path(scratch))
        print_stderr(
            f"recipes: {backend.title} starts on the CPU and stops before training; this takes a minute or two"
        )
        try:
            run_probes(backend.name, environment.interpreter, [job], Path(scratch) / "scratch")
            observation = job.read_observation()
        except ProbeFailedError as error:
            exit_with_error(f"{backend.title} failed before training started:\n{error}", ExitCode.ENVIRONMENT)
        checks = check_trainer(recipe.plan, job, observation, recipe.loaded.folder)
    print_stderr(f"recipes: {backend.title}: {count_results(checks)}")
    return TrainerReport(backend, checks, job.notes, observation["seconds"])


def _prepare_or_exit(recipe: BackendRecipe, rows: int, folder: Path) -> ProbeJob:
    from qwen_recipes.data.rows.sources import MissingSourceError
    from qwen_recipes.verify.trainer_probe.probe_jobs import prepare_probe
    from qwen_recipes.verify.trainer_probe.probe_plan import NotProbedError

    try:
        return prepare_probe(recipe.loaded, recipe.plan, recipe.backend, folder, rows)
    except NotProbedError as error:
        exit_with_error(str(error), ExitCode.USAGE)
    except ModuleNotFoundError as error:
        exit_with_error(f"{error.name} is not installed: pip install 'qwen-recipes[tokens]'", ExitCode.ENVIRONMENT)
    except (OSError, MissingSourceError) as error:
        exit_with_error(str(error), ExitCode.USAGE)


def _print_reports(reports: list[TrainerReport], form: str) -> None:
    from qwen_recipes.verify.trainer_probe.report import convert_to_dict, format_report

    if form == "json":
        print_json({"backends": [convert_to_dict(report) for report in reports]})
        return
    print_text("\n\n".join(format_report(report) for report in reports))
