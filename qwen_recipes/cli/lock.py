"""`recipes lock`."""

from __future__ import annotations

import click

from qwen_recipes.cli.compile import compile_backends_or_exit
from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import (
    BACKENDS_HELP,
    ExitCode,
    choose_backends_or_exit,
    exit_with_error,
    load_recipe_or_exit,
    set_option,
)


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
    from qwen_recipes.runs.recipe_lock import build_lock, get_lock_path, write_lock

    if file == "-":
        exit_with_error(
            "a recipe from standard input cannot be locked: there is no folder for the lock file", ExitCode.USAGE
        )
    loaded = load_recipe_or_exit(file, sets)
    path = get_lock_path(file)
    backends = choose_backends_or_exit(loaded, backend)
    every = compile_backends_or_exit(loaded, backends, loaded.folder / "compiled" / loaded.name)
    try:
        content = build_lock(loaded, every)
        write_lock(path, content)
    except OSError as error:
        exit_with_error(f"{error.filename or path}: {error.strerror}", ExitCode.USAGE)
    for line in _find_unpinned(content):
        print_stderr(f"recipes: {line}")
    print_stderr(f"{path}: {', '.join(content['backends'])}, {len(content['data'])} data sets")


def _find_unpinned(content: dict[str, object]) -> list[str]:
    """The model and data sets that are not pinned because the recipe names no revision."""
    model, data = content["model"], content["data"]
    assert isinstance(model, dict) and isinstance(data, list)
    found = []
    if not model["files"] and model["revision"] is None:
        found.append(f"{model['id']} is not pinned: set model.revision to pin the weights")
    return found + [
        f"{entry['hub']} is not pinned: set `revision` beside `hub` to pin the data"
        for entry in data
        if entry.get("hub") and entry.get("revision") is None
    ]
