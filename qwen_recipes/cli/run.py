"""`recipes run`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwen_recipes.cli.common import Exit, backend_or_stop, load_recipe, refuse, set_option, stop
from qwen_recipes.cli.compile import compile_all
from qwen_recipes.cli.report import say, text

if TYPE_CHECKING:
    from qwen_recipes.launch.environment import Environment
    from qwen_recipes.launch.record import Record


@click.command("run")
@click.argument("file")
@click.option("--backend", metavar="NAME", help="Framework to train with; the recipe's own where left out.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder of the compiled files; [default: compiled/NAME]",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check everything, print what would run, write nothing.")
@click.option("--force", is_flag=True, help="Overwrite compiled files that were edited by hand.")
@set_option
def command(
    file: str, backend: str | None, output: Path | None, dry_run: bool, force: bool, sets: tuple[str, ...]
) -> None:
    """Compile a recipe, check the machine, and train.

    What the framework prints goes to standard output and to run.log in the recipe's output folder; run.json there is
    the record of the run. Ctrl-C ends the framework and everything it started; a second one kills it.
    """
    try:
        _run(file, backend, output, dry_run, force, sets)
    except KeyboardInterrupt:
        stop("interrupted before anything was launched", Exit.INTERRUPTED)


def _run(file: str, name: str | None, output: Path | None, dry_run: bool, force: bool, sets: tuple[str, ...]) -> None:
    from qwen_recipes.launch.run import Busy, run

    loaded = load_recipe(file, sets)
    backend = backend_or_stop(name or (loaded.recipe.run and loaded.recipe.run.backend) or _no_backend())
    root = output or Path("compiled") / loaded.name
    folder = root / backend.name
    compiled = compile_all(loaded, [backend], root)[0]
    for finding in compiled.findings:
        say(text([finding]))
    environment = _checked(loaded, compiled)
    if dry_run:
        _describe(loaded, compiled, environment, folder)
        return
    _write(compiled, folder, force=force)
    try:
        record = run(loaded, compiled, sets, environment, folder, say)
    except Busy as error:
        stop(str(error), Exit.ENVIRONMENT)
    except OSError as error:
        stop(f"the run can't be recorded: {error}", Exit.ENVIRONMENT)
    sys.exit(_report(record, adapter=compiled.plan.method.adapter))


def _no_backend() -> str:
    stop("name a framework: --backend NAME, or run.backend in the recipe", Exit.USAGE)


def _checked(loaded: Any, compiled: Any) -> Environment:
    """The environment, or everything that keeps the run from starting, and exit 1 or 4."""
    from qwen_recipes.launch import preflight
    from qwen_recipes.launch.environment import EnvironmentMissing
    from qwen_recipes.launch.packages import missing_packages
    from qwen_recipes.launch.run import output_folder

    plan, backend = compiled.plan, compiled.backend
    problems = preflight.obstacles(plan, output_folder(loaded, plan))
    environment = None
    try:
        environment = preflight.environment_for(plan, backend, loaded.folder)
        problems += missing_packages(plan, environment.interpreter)
    except EnvironmentMissing as error:
        problems.insert(0, str(error))
    for problem in problems:
        say(f"recipes: {problem}")
    if wrong := preflight.wrong_paths(plan, loaded):
        refuse(wrong)
    if environment is None or problems:
        sys.exit(Exit.ENVIRONMENT)
    if environment.version != backend.version:
        say(
            f"recipes: {environment.folder} has {backend.title} {environment.version}, and the files are compiled "
            f"for {backend.version}"
        )
    return environment


def _describe(loaded: Any, compiled: Any, environment: Environment, folder: Path) -> None:
    from qwen_recipes.compile import drifted
    from qwen_recipes.launch.record import command as launched
    from qwen_recipes.launch.run import output_folder

    changed = set(drifted(folder, compiled.files))
    click.echo(f"command      {shlex.join(launched(folder))}")
    click.echo(f"environment  {environment.folder} ({compiled.backend.title} {environment.version})")
    click.echo(f"output       {output_folder(loaded, compiled.plan).resolve()}")
    for name in sorted(compiled.files):
        click.echo(f"file         {folder / name}{' (would be written)' if name in changed else ''}")


def _write(compiled: Any, folder: Path, *, force: bool) -> None:
    from qwen_recipes.compile import HandEdited, write

    try:
        write(folder, compiled.files, force=force)
    except HandEdited as error:
        stop(f"{error} was edited by hand; `recipes compile --diff` shows how, --force overwrites", Exit.RECIPE)
    except OSError as error:
        stop(f"{folder} can't be written: {error.strerror}", Exit.USAGE)


def _report(record: Record, *, adapter: bool) -> Exit:
    """Say how it ended; the exit code."""
    from qwen_recipes.launch.complaint import last_lines
    from qwen_recipes.launch.record import LOG, RECORD
    from qwen_recipes.launch.run import rows_failed, weights

    output = Path(record.output)
    if record.status == "finished":
        if record.problem:
            say(f"recipes: {record.problem}")
        say(f"finished in {record.seconds} s{_losses(record)}: {weights(output, adapter)}")
        return Exit.GOOD
    if record.status == "interrupted":
        say(f"recipes: interrupted by {record.signal} after {record.seconds} s; the record is {output / RECORD}")
        return Exit.INTERRUPTED
    if record.exit_code and rows_failed(output):
        say(f"recipes: the rows can't be trained on; what was said of them is in {output / LOG}")
        return Exit.RECIPE
    for line in last_lines(output / LOG):
        say(f"  {line}")
    memory = "; SIGKILL often means that the machine ran out of memory" if record.signal == "SIGKILL" else ""
    say(f"recipes: {record.problem} after {record.seconds} s{memory}. All it printed is in {output / LOG}")
    return Exit.RUN


def _losses(record: Record) -> str:
    if record.first_loss is None or record.last_loss is None:
        return ""
    steps = f" over {record.steps} steps" if record.steps else ""
    return f", loss {record.first_loss:.4g} to {record.last_loss:.4g}{steps}"
