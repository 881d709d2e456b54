"""`recipes verify`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import (
    Exit,
    backend_or_stop,
    format_option,
    load_recipe,
    refuse,
    say_unknown,
    set_option,
    stop,
)
from qwen_recipes.cli.report import say
from qwen_recipes.recipe.finding import RecipeError


@click.command("verify")
@click.argument("file")
@click.option("--backend", metavar="NAME|all", help="Framework to compare with; the recipe's own where left out.")
@click.option("--rows", type=click.IntRange(min=1), default=200, show_default=True, help="Rows to compare.")
@format_option("text", "json")
@set_option
def command(file: str, backend: str | None, rows: int, form: str, sets: tuple[str, ...]) -> None:
    """Compare the tokens that a framework trains on with ours, row by row.

    The framework encodes the recipe's first rows in its own environment, with the compiled config; ids and labels are
    held against our definition and against the other frameworks'. Nothing is trained and no weights are needed.
    Exit code 1 where a token or a label differs.
    """
    loaded = load_recipe(file, sets, form)
    try:
        found, pairs = _compared(loaded, _wanted(loaded, backend), rows)
    except RecipeError as error:
        refuse(error.findings, form)
    _print(found, pairs, form)
    sys.exit(Exit.GOOD if all(one.same for one in found) else Exit.RECIPE)


def _wanted(loaded: Any, backend: str | None) -> list[Any]:
    from qwen_recipes.backends import backends

    if backend == "all":
        return list(backends())
    name = backend or (loaded.recipe.run.backend if loaded.recipe.run else None)
    if name is None:
        stop("name a framework: --backend NAME, or run.backend in the recipe", Exit.USAGE)
    return [backend_or_stop(name)]


def _compared(loaded: Any, wanted: list[Any], rows: int) -> tuple[list[Any], list[dict[str, Any]]]:
    from qwen_recipes.resolve import resolve
    from qwen_recipes.verify.report import between, outcome

    plan = resolve(loaded, wanted[0])
    if plan.objective.type not in ("sft", "pretrain"):
        stop("only rows of SFT and pre-training are compared token by token so far", Exit.USAGE)
    encoder, picked = _ours(loaded, plan, rows)
    answers = [_theirs(loaded, backend, [row.row for row in picked]) for backend in wanted]
    found = [outcome(b, plan, picked, a, encoder) for b, a in zip(wanted, answers, strict=True)]
    return found, between([b.name for b in wanted], answers, len(picked))


def _ours(loaded: Any, plan: Any, rows: int) -> tuple[Any, list[Any]]:
    from qwen_recipes.data.labels import encoder_of
    from qwen_recipes.data.rows.sources import Missing
    from qwen_recipes.qwen.models import model_facts
    from qwen_recipes.verify.rows import sample

    try:
        say_unknown(model_facts(plan.model.id, loaded.folder), "chat.template" in plan.asked)
        encoder = encoder_of(plan, loaded.folder)
        found = sample(plan, loaded.folder, encoder, rows)
    except ModuleNotFoundError as error:
        stop(f"{error.name} is not installed here: pip install 'qwen-recipes[tokens]'", Exit.ENVIRONMENT)
    except (OSError, Missing, ValueError) as error:
        stop(str(error), Exit.USAGE)
    if found.bad or found.overlong:
        say(f"recipes: left out: {found.bad} rows that can't be read, {found.overlong} that are too long")
    if not found.rows:
        stop("no row is left to compare", Exit.RECIPE)
    return encoder, found.rows


def _theirs(loaded: Any, backend: Any, rows: list[Any]) -> dict[int, dict[str, Any]]:
    from qwen_recipes.launch.environment import EnvironmentMissing
    from qwen_recipes.resolve import resolve
    from qwen_recipes.verify.jobs import EncoderFailed, aligned, prepare, run

    plan = resolve(loaded, backend)
    try:
        environment = _environment(loaded, plan, backend)
        with tempfile.TemporaryDirectory(prefix="recipes-verify-") as scratch:
            job = prepare(loaded, plan, backend, rows, Path(scratch))
            say(f"recipes: {backend.title} encodes {len(rows)} rows")
            run(backend.name, environment.interpreter, [job])
            return aligned(len(rows), job)
    except EnvironmentMissing as error:
        stop(str(error), Exit.ENVIRONMENT)
    except EncoderFailed as error:
        stop(f"{backend.title} encoded nothing:\n{error}", Exit.ENVIRONMENT)


def _environment(loaded: Any, plan: Any, backend: Any) -> Any:
    """Where the framework is installed; of the managed environments the one for the CPU does as well."""
    from qwen_recipes.launch.environment import EnvironmentMissing, managed
    from qwen_recipes.launch.preflight import environment_for

    try:
        return environment_for(plan, backend, loaded.folder)
    except EnvironmentMissing:
        if plan.run.environment == "managed" and (found := managed(backend, "cpu")).ready:
            return found
        raise


def _print(found: list[Any], pairs: list[dict[str, Any]], form: str) -> None:
    from qwen_recipes.verify.report import as_data, as_text

    if form == "json":
        click.echo(json.dumps({"backends": [as_data(one) for one in found], "between": pairs}, indent=2))
        return
    for one in found:
        click.echo(as_text(one))
    for pair in pairs:
        click.echo(f"{' and '.join(pair['backends'])}: the same in {pair['same']} of {pair['rows']} rows")
