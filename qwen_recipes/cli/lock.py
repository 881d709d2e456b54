"""`recipes lock`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.compile import compile_or_exit
from qwen_recipes.cli.console import format_count, print_stderr
from qwen_recipes.cli.hub_files import fetch_newest_and_pin
from qwen_recipes.cli.options_and_exits import (
    BACKENDS_HELP,
    ExitCode,
    exit_with_error,
    exit_with_findings,
    load_stages,
    set_option,
)

if TYPE_CHECKING:
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.resolve.backend_recipe import BackendRecipe


@click.command("lock")
@click.argument("file", metavar="RECIPE")
@click.option("--backend", metavar="NAME|all", help=BACKENDS_HELP)
@set_option
def command(file: str, backend: str | None, sets: tuple[str, ...]) -> None:
    """Write a lock file that pins everything a run depends on.

    The file is written beside the recipe. It holds hashes, revisions and versions: the recipe, the model, the data,
    the chat template, the tokenizer, the framework, every resolved value and the compiled files. `recipes run --locked`
    and `recipes compile --locked` fail if anything differs from it.
    """
    from qwen_recipes.recipe.lock_parts import get_lock_path, list_locked_recipes
    from qwen_recipes.recipe.pipeline import load_pipeline
    from qwen_recipes.runs.locked_merges import lock_merges
    from qwen_recipes.runs.recipe_lock import build_lock, get_usual_folder, write_lock

    if file == "-":
        exit_with_error(
            "a recipe from standard input cannot be locked: there is no folder for the lock file", ExitCode.USAGE
        )
    stages = load_stages(file, sets, backend, prepare=_forget_lengths_and_pin)
    _exit_if_data_is_missing(stages.values())
    path = get_lock_path(file)
    measured = [_with_lengths(recipes) for recipes in stages.values()]
    every = [compile_or_exit(recipes, get_usual_folder(recipes[0].loaded)) for recipes in measured]
    try:
        content = build_lock([one for compiled in every for one in compiled])
        pipeline = load_pipeline(file, sets)
        if pipeline is not None and (merges := lock_merges(pipeline)):
            content["merges"] = merges
        write_lock(path, content)
    except OSError as error:
        exit_with_error(f"{error.filename or path}: {error.strerror}", ExitCode.USAGE)
    stage_outputs = {os.path.normpath(stage.output) for stage in (pipeline.stages if pipeline else ())}
    for stage, one in list_locked_recipes(content):
        prefix = f"stage {stage}: " if stage else ""
        for line in _find_unpinned(one, stage_outputs):
            print_stderr(f"recipes: {prefix}{line}")
        print_stderr(f"{path}: {prefix}{', '.join(one['backends'])}, {format_count(len(one['data']), 'data set')}")


def _exit_if_data_is_missing(stages: Iterable[list[BackendRecipe]]) -> None:
    """Exit 1 where a file that a recipe names is missing or unreadable: nothing could be pinned of it."""
    from qwen_recipes.runs.preflight import find_path_errors

    wrong = [finding for recipes in stages for finding in find_path_errors(recipes[0].plan, recipes[0].loaded)]
    if wrong:
        exit_with_findings(list({(finding.message, finding.route): finding for finding in wrong}.values()))


def _forget_lengths_and_pin(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe with its model pinned, and without what an older lock says of lengths and packages."""
    return replace(fetch_newest_and_pin(loaded), lengths=None, packages=())


def _with_lengths(recipes: list[BackendRecipe]) -> list[BackendRecipe]:
    """The same recipe for each framework, with its examples' lengths, and with what the environments have."""
    from qwen_recipes.environments.choose_environment import list_flash_packages
    from qwen_recipes.resolve.backend_recipe import BackendRecipe
    from qwen_recipes.resolve.measured_lengths import with_lengths_to_lock

    hardware = recipes[0].loaded.recipe.hardware
    device = (hardware.device if hardware else None) or "cuda"
    found = [(one.backend.name, list_flash_packages(one.backend, device)) for one in recipes]
    loaded = with_lengths_to_lock(recipes[0].loaded, recipes[0].backend)
    loaded = replace(loaded, packages=tuple((name, packages) for name, packages in found if packages))
    return [BackendRecipe(loaded, one.backend) for one in recipes]


def _find_unpinned(content: dict[str, object], stage_outputs: set[str]) -> list[str]:
    """The model and data sets that are not pinned because the recipe names no revision.

    `stage_outputs` are folders that stages write, which need none.
    """
    model, data = content["model"], content["data"]
    assert isinstance(model, dict) and isinstance(data, list)
    found = []
    if not model["files"] and model["revision"] is None and os.path.normpath(model["id"]) not in stage_outputs:
        found.append(f"{model['id']} is not pinned: set model.revision to pin the weights")
    return found + [
        f"{entry['hub']} is not pinned: set `revision` beside `hub` to pin the data"
        for entry in data
        if entry.get("hub") and entry.get("revision") is None
    ]
