"""`recipes compile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import Exit, backend_or_stop, load_recipe, refuse, set_option, stop
from qwen_recipes.cli.report import say, text
from qwen_recipes.recipe.finding import RecipeError


@click.command("compile")
@click.argument("file")
@click.option("--backend", metavar="NAME|all", help="Framework to compile for; the recipe's own where left out.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder; [default: compiled/NAME]"
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where the folder is not what would be written.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited by hand.")
@set_option
@click.option("-q", "--quiet", is_flag=True, help="Errors only.")
def command(
    file: str,
    backend: str | None,
    output: Path | None,
    check: bool,
    diff: bool,
    force: bool,
    sets: tuple[str, ...],
    quiet: bool,
) -> None:
    """Write the framework's own files for a recipe.

    Each backend gets a folder of its own below DIR: its config, what that config refers to, and run.sh, which trains.
    Nothing is written unless everything that was asked for compiles.
    """
    loaded = load_recipe(file, sets)
    root = output or Path("compiled") / loaded.name
    every = compile_all(loaded, _wanted(loaded, backend), root)
    if not quiet:
        for finding in {f.message: f for one in every for f in one.findings}.values():
            say(text([finding]))
    if diff or check:
        _compare(every, root, show=diff)
    for one in every:
        _write(one, root / one.backend.name, force=force, quiet=quiet)


def _wanted(loaded: Any, backend: str | None) -> list[Any]:
    from qwen_recipes.backends import backends

    if backend == "all":
        return backends()
    name = backend or (loaded.recipe.run.backend if loaded.recipe.run else None)
    if name is None:
        stop("name a framework: --backend NAME, or run.backend in the recipe", Exit.USAGE)
    return [backend_or_stop(name)]


def compile_all(loaded: Any, wanted: list[Any], root: Path) -> list[Any]:
    """Compile for each backend, or print every problem of all of them and exit 1."""
    from qwen_recipes.compile import compile_for

    every, problems = [], {}
    for backend in wanted:
        try:
            every.append(compile_for(loaded, backend, root / backend.name))
        except RecipeError as error:
            problems.update({(f.code, f.route, f.message): f for f in error.findings})
    if problems:
        refuse(list(problems.values()))
    return every


def _compare(every: list[Any], root: Path, *, show: bool) -> None:
    from qwen_recipes.compile import differences, drifted

    changed = {one.backend.name: drifted(root / one.backend.name, one.files) for one in every}
    if show:
        for one in every:
            click.echo(differences(root / one.backend.name, one.files), nl=False)
    else:
        for name, files in changed.items():
            for changed_file in files:
                say(f"{root / name / changed_file} is not what the recipe compiles to")
    sys.exit(Exit.RECIPE if any(changed.values()) and not show else Exit.GOOD)


def _write(one: Any, folder: Path, *, force: bool, quiet: bool) -> None:
    from qwen_recipes.compile import HandEdited, write

    try:
        changed = write(folder, one.files, force=force)
    except HandEdited as error:
        stop(f"{error} was edited by hand; --diff shows how, --force overwrites", Exit.RECIPE)
    except OSError as error:
        stop(f"{folder} can't be written: {error.strerror}", Exit.USAGE)
    if not quiet:
        say(f"{folder}: {len(one.files)} files, {len(changed)} changed")
