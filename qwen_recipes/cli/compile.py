"""`recipes compile`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_stderr, print_text, text
from qwen_recipes.cli.lock_check import exit_on_drift, pin_locked_revision
from qwen_recipes.cli.options_and_exits import (
    BACKENDS_HELP,
    ExitCode,
    backend_version_option,
    exit_with_error,
    exit_with_findings,
    load_stages,
    set_option,
)
from qwen_recipes.finding import RecipeError

if TYPE_CHECKING:
    from qwen_recipes.compile import CompiledRecipe
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.resolve import BackendRecipe

_OVERWRITE_HINT = "show the changes with --diff, or overwrite them with --force"
DEFAULT_FOLDER = Path("compiled")


@click.command("compile")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--backend", metavar="NAME|all", help=BACKENDS_HELP)
@backend_version_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write to. [default: compiled/NAME]",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with code 1 if the compiled files are missing or out of date."
)
@click.option("--diff", is_flag=True, help="Write nothing; print the changes.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited by hand.")
@click.option("--locked", is_flag=True, help="Fail if anything differs from the recipe's lock file.")
@set_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
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
    """Compile recipes into a framework's own files.

    Each backend gets a folder below DIR with its config, the files that the config refers to, and run.sh, which starts
    training. Nothing is written unless the recipe compiles for every backend asked for. For a pipeline, every stage
    that trains is compiled, each into its own folder.
    """
    if output and len(files) > 1:
        exit_with_error(f"-o takes one recipe, got {len(files)}: {', '.join(files)}", ExitCode.USAGE)
    drift = False
    recipes = [
        every
        for file in files
        for every in load_stages(file, sets, backend, version, pin_locked_revision if locked else None).values()
    ]
    roots = [get_compiled_folder(every[0].loaded, output) for every in recipes]
    exit_if_folders_shared([(every[0].loaded, root) for every, root in zip(recipes, roots, strict=True)])
    compiled = [(root, compile_or_exit(every, root)) for every, root in zip(recipes, roots, strict=True)]
    exit_if_runs_shared([every[0] for _, every in compiled])
    for _, every in compiled:
        _print_findings(every, quiet)
        if locked:
            exit_on_drift(every)
        if diff or check:
            drift |= _compare_with_folder(every, show=diff, check=check)
        elif not force:
            exit_if_not_ours(every)
            exit_if_hand_edited(every)
    for root, every in [] if diff or check else compiled:
        _write_outputs(every, root, force=force, quiet=quiet)
    if drift and check:
        sys.exit(ExitCode.INVALID_INPUT)


def _print_findings(outputs: list[CompiledRecipe], quiet: bool) -> None:
    if not quiet:
        for finding in {f.message: f for one in outputs for f in one.findings}.values():
            print_stderr(text([finding]))


def exit_if_folders_shared(recipes: list[tuple[LoadedRecipe, Path]]) -> None:
    """Exit 1 where two of the recipes would be compiled to one folder."""
    from qwen_recipes.compile import SharedFolderError, check_folders_apart

    try:
        check_folders_apart(recipes, "give one of them another `name`, or use -o")
    except SharedFolderError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)


def exit_if_runs_shared(compiled: list[CompiledRecipe]) -> None:
    """Exit 1 where the runs of two of the recipes would write to one folder."""
    from qwen_recipes.compile import SharedFolderError, check_folders_apart

    try:
        check_folders_apart(
            [(one.loaded, one.loaded.folder / one.plan.output.dir) for one in compiled],
            "give one of them another `output.dir`",
        )
    except SharedFolderError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)


def exit_if_not_ours(compiled: list[CompiledRecipe]) -> None:
    """Exit 1 where a folder holds what another recipe, which is still there, was compiled to."""
    from qwen_recipes.compile import find_other_owner

    for one in compiled:
        if other := find_other_owner(one.folder, one.loaded):
            named = "give one of them another `name`, " if is_default_folder(one.folder.parent) else ""
            exit_with_error(
                f"{one.folder} holds files compiled from {other}; {one.loaded.document.file} would overwrite them: "
                f"{named}use another folder with -o, or overwrite with --force",
                ExitCode.INVALID_INPUT,
            )


def _write_outputs(outputs: list[CompiledRecipe], root: Path, *, force: bool, quiet: bool) -> None:
    for one in outputs:
        changed = write_output_or_exit(one, root, force=force)
        if not quiet:
            print_stderr(f"{one.folder}: {len(one.files)} files, {len(changed)} written")


def compile_or_exit(recipes: list[BackendRecipe], root: Path) -> list[CompiledRecipe]:
    """Compile for each backend, or print every problem of all of them and exit 1."""
    from qwen_recipes.compile import InvalidOutputError, compile_backend_recipe

    every, problems = [], {}
    for one in recipes:
        try:
            every.append(compile_backend_recipe(one, root / one.backend.name))
        except RecipeError as error:
            problems.update({(f.code, f.route, f.message): f for f in error.findings})
        except InvalidOutputError as error:
            exit_with_error(f"bug in the templates for {one.backend.title}: {error}", ExitCode.INVALID_INPUT)
    if problems:
        exit_with_findings(list(problems.values()))
    return every


def _compare_with_folder(outputs: list[CompiledRecipe], *, show: bool, check: bool) -> bool:
    """Whether the folder is not what would be written; shows how, or says where."""
    from qwen_recipes.compile import diff_files, find_drifted

    try:
        changed = {one.folder: find_drifted(one.folder, one.files) for one in outputs}
        shown = "".join(diff_files(one.folder, one.files) for one in outputs) if show else ""
    except OSError as error:
        exit_with_error(f"{error.filename}: cannot read: {error.strerror}", ExitCode.USAGE)
    if show:
        print_text(shown, nl=False)
    elif check:
        for folder, names in changed.items():
            _print_drift(folder, names)
    return any(changed.values())


def exit_if_hand_edited(outputs: list[CompiledRecipe]) -> None:
    """Exit 1 where files in a compiled folder were edited by hand, before any is written."""
    from qwen_recipes.compile import HandEditedError, find_hand_edited

    for one in outputs:
        edited = find_hand_edited(one.folder, one.files)
        if edited:
            exit_with_error(
                f"{HandEditedError(one.folder, edited)} was edited by hand; {_OVERWRITE_HINT}", ExitCode.INVALID_INPUT
            )


def write_output_or_exit(output: CompiledRecipe, root: Path, *, force: bool) -> list[str]:
    """Write one backend's files into its folder below `root`, or exit 1 or 2; names of those that changed.

    No symbolic link is followed below `root`, nor in the default folder.
    """
    from qwen_recipes.compile import HandEditedError, write_files

    try:
        return write_files(output.folder, output.files, root=Path() if is_default_folder(root) else root, force=force)
    except HandEditedError as error:
        exit_with_error(f"{error} was edited by hand; {_OVERWRITE_HINT}", ExitCode.INVALID_INPUT)
    except OSError as error:
        is_file = isinstance(error, (FileExistsError, NotADirectoryError))
        why = "it, or a folder above it, is a file" if is_file else error.strerror
        exit_with_error(f"{error.filename or output.folder}: cannot write: {why}", ExitCode.USAGE)


def get_compiled_folder(loaded: LoadedRecipe, output: Path | None) -> Path:
    """The folder that holds a folder for each backend: what `-o` says, or `compiled/NAME`; of a stage, one in `-o`."""
    return output / loaded.part if output else DEFAULT_FOLDER / loaded.name


def is_default_folder(root: Path) -> bool:
    """Whether nobody named this folder: it is trusted no more than what lies in it."""
    return root.parent == DEFAULT_FOLDER


def _print_drift(folder: Path, names: Iterable[str]) -> None:
    if not folder.is_dir():
        print_stderr(f"{folder} does not exist: not compiled yet")
        return
    inside: Counter[Path] = Counter()
    for path in (folder / name for name in names):
        above = [one for one in path.parents if one != folder and one.is_relative_to(folder) and not one.exists()]
        if above:
            inside[above[-1]] += 1
        else:
            print_stderr(f"{path} {'is out of date' if path.is_file() else 'is missing'}")
    for missing, count in inside.items():
        print_stderr(f"{missing} is missing, with {count} files")
