"""`recipes verify`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import (
    BACKENDS_HELP,
    ExitCode,
    exit_with_error,
    format_option,
    load_backend_recipes,
    set_option,
    warn_custom_tokenizer_or_template,
)

if TYPE_CHECKING:
    from qwen_recipes.data.encoder import Encoder
    from qwen_recipes.environments.environment import Environment
    from qwen_recipes.resolve import BackendRecipe
    from qwen_recipes.verify.row_sample import SampledRow


@click.command("verify")
@click.argument("file")
@click.option("--backend", metavar="NAME|all", help=BACKENDS_HELP)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    metavar="N",
    default=200,
    show_default=True,
    help="Number of rows to compare, from the first.",
)
@click.option("--trainer", is_flag=True, help="Compare the settings at the framework's trainer instead of tokens.")
@click.option(
    "--trust-recipe",
    is_flag=True,
    help="Allow code that the recipe names to run: a Python environment, reward functions, native keys, a model "
    "folder's `auto_map`.",
)
@format_option("text", "json")
@set_option
def command(
    file: str, backend: str | None, rows: int, trainer: bool, trust_recipe: bool, form: str, sets: tuple[str, ...]
) -> None:
    """Compare what a framework trains on with the recipe: token ids and labels, row by row.

    The framework encodes the first rows with its compiled config, in its own environment. The result is compared with
    the expected token ids and labels, and between frameworks. Nothing is trained, and no weights or GPU are needed. For
    preferences and reward models, the framework is started on the CPU and the examples in its batches are compared.

    With --trainer, the framework starts on the CPU with the recipe's model and first rows, and stops at the first
    batch. Training arguments, optimizer, weights, adapters, reference model and batches are compared with the plan,
    field by field. Settings that need a GPU are not compared.

    Exit code 1 if anything differs, 4 if the framework's environment is missing.
    """
    recipes = load_backend_recipes(file, sets, backend)
    if not trust_recipe:
        _exit_if_code_is_brought(recipes)
    if trainer:
        from qwen_recipes.cli.verify_trainer import verify_trainer

        verify_trainer(recipes, rows, form)
    found, pairs = _compare_backends(recipes, rows)
    _print_comparison(found, pairs, form)
    sys.exit(ExitCode.SUCCESS if all(one.is_identical for one in found) else ExitCode.INVALID_INPUT)


def _exit_if_code_is_brought(recipes: list[BackendRecipe]) -> None:
    """Exit 2 where verifying would run code that the recipe, or a folder that it names, brings."""
    from qwen_recipes.verify.brought_code import list_brought_code

    brought = list(dict.fromkeys(code for one in recipes for code in list_brought_code(one)))
    if brought:
        exit_with_error(
            f"verify may run code that the recipe names: {'; '.join(brought)}. Read it, then add --trust-recipe",
            ExitCode.USAGE,
        )


def _compare_backends(recipes: list[BackendRecipe], rows: int) -> tuple[list[Any], list[dict[str, Any]]]:
    from qwen_recipes.cli.verify_preferences import compare_preference_backends
    from qwen_recipes.verify.preference_sample import OBJECTIVES
    from qwen_recipes.verify.report import compare_backend, count_pairwise_matches

    plan = recipes[0].plan
    if plan.objective.type in OBJECTIVES:
        return compare_preference_backends(recipes, rows)
    if not plan.objective.next_token:
        title = plan.objective.type.upper()
        exit_with_error(
            f"{title} cannot be verified without --trainer: its answers are generated during training", ExitCode.USAGE
        )
    encoder, picked = _encode_sample(recipes[0], rows)
    answers = [_encode_with_framework(one, picked) for one in recipes]
    found = [compare_backend(r.backend, plan, picked, a, encoder) for r, a in zip(recipes, answers, strict=True)]
    return found, count_pairwise_matches([one.backend.name for one in recipes], answers, len(picked))


def _encode_sample(recipe: BackendRecipe, rows: int) -> tuple[Encoder, list[Any]]:
    from qwen_recipes.cli.verify_sample import exit_without_examples, read_or_exit
    from qwen_recipes.data.encoder import build_encoder
    from qwen_recipes.verify.row_sample import sample_rows

    plan, folder = recipe.plan, recipe.loaded.folder
    warn_custom_tokenizer_or_template(read_or_exit(lambda: recipe.model), "chat.template" in plan.set_fields)
    encoder = read_or_exit(lambda: build_encoder(plan, folder))
    found = read_or_exit(lambda: sample_rows(plan, folder, encoder, rows))
    exit_without_examples(found, found.rows)
    return encoder, found.rows


def _encode_with_framework(recipe: BackendRecipe, rows: list[SampledRow]) -> dict[int, dict[str, object]]:
    from qwen_recipes.environments.environment import MissingEnvironmentError
    from qwen_recipes.verify.encoding_jobs import EncoderFailedError, align_answers, prepare_job, run_encoder

    loaded, plan, backend = recipe.loaded, recipe.plan, recipe.backend
    try:
        environment = _find_environment(recipe)
        with tempfile.TemporaryDirectory(prefix="recipes-verify-") as scratch:
            job = prepare_job(loaded, plan, backend, rows, Path(scratch))
            print_stderr(f"recipes: {backend.title} encodes {len(rows)} examples")
            run_encoder(backend.name, environment.interpreter, [job])
            return align_answers(job)
    except MissingEnvironmentError as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except EncoderFailedError as error:
        exit_with_error(f"{backend.title} failed to encode the rows:\n{error}", ExitCode.ENVIRONMENT)


def _find_environment(recipe: BackendRecipe) -> Environment:
    """Where the framework is installed; of the managed environments the one for the CPU does as well."""
    from qwen_recipes.environments.environment import MissingEnvironmentError, get_managed_environment
    from qwen_recipes.runs.preflight import find_run_environment

    plan, backend = recipe.plan, recipe.backend
    try:
        return find_run_environment(plan, backend, recipe.loaded.folder)
    except MissingEnvironmentError:
        if plan.run.environment == "managed" and (found := get_managed_environment(backend, "cpu")).ready:
            return found
        raise


def _print_comparison(comparisons: list[Any], pairs: list[dict[str, Any]], form: str) -> None:
    from qwen_recipes.verify.report import format_text, to_dict

    if form == "json":
        print_json({"backends": [to_dict(one) for one in comparisons], "between": pairs})
        return
    for one in comparisons:
        print_text(format_text(one))
    for pair in pairs:
        print_text(f"{' and '.join(pair['backends'])}: {pair['same']} of {pair['rows']} rows match")
