"""`recipes lock`."""

from __future__ import annotations

import click

from qwen_recipes.cli.common import Exit, load_recipe, set_option, stop
from qwen_recipes.cli.compile import compile_all, wanted
from qwen_recipes.cli.report import say


@click.command("lock")
@click.argument("file", metavar="RECIPE")
@click.option("--backend", metavar="NAME|all", help="Framework to lock for; the recipe's own where left out.")
@set_option
def command(file: str, backend: str | None, sets: tuple[str, ...]) -> None:
    """Write a recipe's lock beside it: all that a run depends on, by hash or version.

    `recipes run --locked` and `recipes compile --locked` refuse where anything is not as it says: the recipe, the
    model's and the data's revisions and hashes, template, tokenizer, versions, resolved values, compiled bytes.
    """
    from qwen_recipes.launch.lock import lock, lock_file, write_lock

    if file == "-":
        stop("a recipe from standard input has no place beside it", Exit.USAGE)
    loaded = load_recipe(file, sets)
    path = lock_file(file)
    every = compile_all(loaded, wanted(loaded, backend), loaded.folder / "compiled" / loaded.name)
    try:
        content = lock(loaded, every)
        write_lock(path, content)
    except OSError as error:
        stop(f"{error.filename or path}: {error.strerror}", Exit.USAGE)
    for line in _open_ends(content):
        say(f"recipes: {line}")
    say(f"{path}: {', '.join(content['backends'])}, {len(content['data'])} data sets")


def _open_ends(content: dict[str, object]) -> list[str]:
    """What the lock can't hold fast, since the recipe names no revision of it."""
    model, data = content["model"], content["data"]
    assert isinstance(model, dict) and isinstance(data, list)
    found = []
    if not model["files"] and model["revision"] is None:
        found.append(f"{model['id']} has no revision: state model.revision to hold its weights fast")
    return found + [
        f"{entry['hub']} has no revision: state it beside `hub` to hold its rows fast"
        for entry in data
        if entry.get("hub") and entry.get("revision") is None
    ]
