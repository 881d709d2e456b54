"""`recipes verify` for preference objectives and reward models."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error
from qwen_recipes.cli.verify_sample import exit_without_examples, read_or_exit

if TYPE_CHECKING:
    from qwen_recipes.data.encoder import Encoder
    from qwen_recipes.resolve import BackendRecipe


def compare_preference_backends(recipes: list[BackendRecipe], rows: int) -> tuple[list[Any], list[dict[str, Any]]]:
    """Each framework against our definition, and against the others: the first `rows` rows of each source."""
    from qwen_recipes.verify.preference_report import align_examples, compare_preferences, count_preference_matches

    encoder, sampled = _sample_or_exit(recipes[0], rows)
    seen = [align_examples(sampled, _draw_or_exit(one, rows, len(sampled))) for one in recipes]
    found = [compare_preferences(one.backend, sampled, held, encoder) for one, held in zip(recipes, seen, strict=True)]
    return found, count_preference_matches([one.backend.name for one in recipes], seen, len(sampled))


def _sample_or_exit(recipe: BackendRecipe, rows: int) -> tuple[Encoder, list[Any]]:
    from qwen_recipes.data.encoder import build_encoder
    from qwen_recipes.verify.preference_sample import sample_preferences

    plan, folder = recipe.plan, recipe.loaded.folder
    encoder = read_or_exit(lambda: build_encoder(plan, folder))
    found = read_or_exit(lambda: sample_preferences(plan, folder, encoder, rows))
    exit_without_examples(found, found.examples)
    return encoder, found.examples


def _draw_or_exit(recipe: BackendRecipe, rows: int, examples: int) -> list[Any]:
    """The examples in the framework's own batches."""
    from qwen_recipes.compile import compile_backend_recipe
    from qwen_recipes.environments.environment import MissingEnvironmentError
    from qwen_recipes.verify.preference_report import prepare_preference_job, read_job
    from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeFailedError, find_probe_environment, run_probes
    from qwen_recipes.verify.trainer_probe.probe_plan import NotProbedError

    loaded, backend = recipe.loaded, recipe.backend
    plan = compile_backend_recipe(recipe, loaded.folder).plan
    try:
        environment = find_probe_environment(loaded, plan, backend)
        with tempfile.TemporaryDirectory(prefix="recipes-verify-") as scratch:
            job = prepare_preference_job(loaded, plan, backend, Path(scratch), rows, examples)
            print_stderr(f"recipes: {backend.title} builds batches of {examples} examples; this takes a minute or two")
            run_probes(backend.name, environment.interpreter, [job], Path(scratch) / "scratch")
            return read_job(job, plan)
    except MissingEnvironmentError as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except NotProbedError as error:
        exit_with_error(str(error), ExitCode.USAGE)
    except (ProbeFailedError, ValueError) as error:
        exit_with_error(f"{backend.title} failed to build its batches:\n{error}", ExitCode.ENVIRONMENT)
