"""`recipes verify` for preference objectives and reward models."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error
from qwen_recipes.cli.verify_sample import exit_without_examples, read_or_exit


def compare_preference_backends(
    loaded: Any, plan: Any, chosen: list[Any], rows: int
) -> tuple[list[Any], list[dict[str, Any]]]:
    """Each framework against our definition, and against the others: the first `rows` rows of each source."""
    from qwen_recipes.verify.preference_report import align_examples, compare_preferences, count_preference_matches

    encoder, sampled = _sample_or_exit(loaded, plan, rows)
    seen = [align_examples(sampled, _draw_or_exit(loaded, backend, rows, len(sampled))) for backend in chosen]
    found = [compare_preferences(one, sampled, held, encoder) for one, held in zip(chosen, seen, strict=True)]
    return found, count_preference_matches([one.name for one in chosen], seen, len(sampled))


def _sample_or_exit(loaded: Any, plan: Any, rows: int) -> tuple[Any, list[Any]]:
    from qwen_recipes.data.encoder import build_encoder
    from qwen_recipes.verify.preference_sample import sample_preferences

    encoder = read_or_exit(lambda: build_encoder(plan, loaded.folder))
    found = read_or_exit(lambda: sample_preferences(plan, loaded.folder, encoder, rows))
    exit_without_examples(found, found.examples)
    return encoder, found.examples


def _draw_or_exit(loaded: Any, backend: Any, rows: int, examples: int) -> list[Any]:
    """The examples in the framework's own batches."""
    from qwen_recipes.compile import compile_recipe
    from qwen_recipes.environments.environment import MissingEnvironmentError
    from qwen_recipes.verify.preference_report import prepare_preference_job, read_job
    from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeFailedError, find_probe_environment, run_probes
    from qwen_recipes.verify.trainer_probe.probe_plan import NotProbedError

    plan = compile_recipe(loaded, backend, loaded.folder).plan
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
