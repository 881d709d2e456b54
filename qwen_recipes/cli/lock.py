"""`recipes lock`."""

from __future__ import annotations

import click

from qwen_recipes.cli.compile import compile_or_exit
from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.hub_files import fetch_newest_and_pin
from qwen_recipes.cli.options_and_exits import (
    BACKENDS_HELP,
    ExitCode,
    exit_with_error,
    load_backend_recipes,
    set_option,
)


@click.command("lock")
@click.argument("file", metavar="RECIPE")
@click.option("--backend", metavar="NAME|all", help=BACKENDS_HELP)
@set_option
def command(file: str, backend: str | None, sets: tuple[str, ...]) -> None:
    """Write a recipe's lock beside it: all that a run depends on, by hash or version.

    `recipes run --locked` and `recipes compile --locked` refuse where anything is not as it says: the recipe, the
    model's and the data's revisions and hashes, template, tokenizer, versions, resolved values, compiled bytes.
    """
    from qwen_recipes.runs.recipe_lock import build_lock, get_lock_path, get_usual_folder, write_lock

    if file == "-":
        exit_with_error("a recipe from standard input has no place beside it", ExitCode.USAGE)
    recipes = load_backend_recipes(file, sets, backend, prepare=fetch_newest_and_pin)
    path = get_lock_path(file)
    every = compile_or_exit(recipes, get_usual_folder(recipes[0].loaded))
    try:
        content = build_lock(every)
        write_lock(path, content)
    except OSError as error:
        exit_with_error(f"{error.filename or path}: {error.strerror}", ExitCode.USAGE)
    for line in _find_unpinned(content):
        print_stderr(f"recipes: {line}")
    print_stderr(f"{path}: {', '.join(content['backends'])}, {len(content['data'])} data sets")


def _find_unpinned(content: dict[str, object]) -> list[str]:
    """What the lock can't hold fast, since the recipe names no revision of it."""
    model, data = content["model"], content["data"]
    assert isinstance(model, dict) and isinstance(data, list)
    found = []
    if not model["files"] and model["revision"] is None:
        found.append(f"{model['id']} has no revision: state model.revision to pin the weights")
    return found + [
        f"{entry['hub']} has no revision: state it beside `hub` to hold its rows fast"
        for entry in data
        if entry.get("hub") and entry.get("revision") is None
    ]
