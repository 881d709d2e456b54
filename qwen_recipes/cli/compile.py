"""`recipes compile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import Exit, backend_or_stop, load_recipe, refuse, set_option, stop, version_option
from qwen_recipes.cli.drift import refuse_drift
from qwen_recipes.cli.report import say, text
from qwen_recipes.recipe.finding import RecipeError

_WAYS_OUT = "--diff shows how, --force overwrites"


@click.command("compile")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--backend", metavar="NAME|all", help="Framework to compile for; the recipe's own where left out.")
@version_option
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder; [default: compiled/NAME]")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where the folder is not what would be written.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited by hand.")
@click.option("--locked", is_flag=True, help="Refuse where anything is not as the recipe's lock says; exit 1.")
@set_option
@click.option("-q", "--quiet", is_flag=True, help="Errors only.")
def command(
    files: tuple[str, ...],
    backend: str | None,
    version: str | None,
    output: Path | None,
    check: bool,
    diff: bool,
    force: bool,
    locked: bool,
    sets: tuple[str, ...],
    quiet: bool,
) -> None:
    """Write the framework's own files for a recipe.

    Each backend gets a folder of its own below DIR: its config, what that config refers to, and run.sh, which trains.
    Nothing of a recipe is written unless everything that was asked for compiles.
    """
    if output and len(files) > 1:
        stop("-o names the folder of one recipe", Exit.USAGE)
    drift = False
    for file in files:
        loaded = load_recipe(file, sets)
        root = output or Path("compiled") / loaded.name
        every = compile_all(loaded, wanted(loaded, backend, version), root)
        _say_findings(every, quiet)
        if locked:
            refuse_drift(loaded, every)
        if diff or check:
            drift |= _differs(every, root, show=diff, check=check)
        else:
            _write_all(every, root, force=force, quiet=quiet)
    if drift and check:
        sys.exit(Exit.RECIPE)


def _say_findings(every: list[Any], quiet: bool) -> None:
    if not quiet:
        for finding in {f.message: f for one in every for f in one.findings}.values():
            say(text([finding]))


def _write_all(every: list[Any], root: Path, *, force: bool, quiet: bool) -> None:
    if not force:
        _keep_edits(every, root)
    for one in every:
        _write(one, root / one.backend.name, force=force, quiet=quiet)


def wanted(loaded: Any, backend: str | None, version: str | None = None) -> list[Any]:
    """The backends that `--backend` names, or the recipe's own; exit 2 without either."""
    from qwen_recipes.backends import backends

    if backend == "all" and version is not None:
        stop("--backend-version is one framework's: name it with --backend", Exit.USAGE)
    if backend == "all":
        return backends()
    name = backend or (loaded.recipe.run.backend if loaded.recipe.run else None)
    if name is None:
        stop("name a framework: --backend NAME, or run.backend in the recipe", Exit.USAGE)
    return [backend_or_stop(name, version)]


def compile_all(loaded: Any, chosen: list[Any], root: Path) -> list[Any]:
    """Compile for each backend, or print every problem of all of them and exit 1."""
    from qwen_recipes.compile import BadOutput, compile_for

    every, problems = [], {}
    for backend in chosen:
        try:
            every.append(compile_for(loaded, backend, root / backend.name))
        except RecipeError as error:
            problems.update({(f.code, f.route, f.message): f for f in error.findings})
        except BadOutput as error:
            stop(f"the templates for {backend.title} are at fault: {error}", Exit.RECIPE)
    if problems:
        refuse(list(problems.values()))
    return every


def _differs(every: list[Any], root: Path, *, show: bool, check: bool) -> bool:
    """Whether the folder is not what would be written; shows how, or says where."""
    from qwen_recipes.compile import differences, drifted

    try:
        changed = {one.backend.name: drifted(root / one.backend.name, one.files) for one in every}
        shown = "".join(differences(root / one.backend.name, one.files) for one in every) if show else ""
    except OSError as error:
        stop(f"{error.filename} can't be read: {error.strerror}", Exit.USAGE)
    if show:
        click.echo(shown, nl=False)
    elif check:
        for name, files in changed.items():
            for changed_file in files:
                say(f"{root / name / changed_file} is not what the recipe compiles to")
    return any(changed.values())


def _keep_edits(every: list[Any], root: Path) -> None:
    """Stop before the first backend's files are written where those of another were edited by hand."""
    from qwen_recipes.compile import HandEdited, hand_edited

    for one in every:
        folder = root / one.backend.name
        edited = hand_edited(folder, one.files)
        if edited:
            stop(f"{HandEdited(folder, edited)} was edited by hand; {_WAYS_OUT}", Exit.RECIPE)


def _write(one: Any, folder: Path, *, force: bool, quiet: bool) -> None:
    from qwen_recipes.compile import HandEdited, write

    try:
        changed = write(folder, one.files, force=force)
    except HandEdited as error:
        stop(f"{error} was edited by hand; {_WAYS_OUT}", Exit.RECIPE)
    except OSError as error:
        stop(f"{folder} can't be written: {error.strerror}", Exit.USAGE)
    if not quiet:
        say(f"{folder}: {len(one.files)} files, {len(changed)} changed")
