"""`recipes run`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwen_recipes.cli.common import Exit, backend_or_stop, load_recipe, refuse, set_option, stop
from qwen_recipes.cli.compile import compile_all
from qwen_recipes.cli.drift import refuse_drift
from qwen_recipes.cli.fit import all_too_small, counter_offers, not_fitting, planned, verdicts_here
from qwen_recipes.cli.report import say, text
from qwen_recipes.cli.why import say_causes

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
@click.option("--resume", is_flag=True, help="Go on from the last whole checkpoint of the run in the output folder.")
@click.option("--locked", is_flag=True, help="Refuse to run where anything is not as the recipe's lock says.")
@click.option("--dry-run", is_flag=True, help="Check everything, print what would run, write nothing.")
@click.option("--force", is_flag=True, help="Overwrite compiled files that were edited by hand.")
@set_option
@click.option("-q", "--quiet", is_flag=True, help="No progress; only problems and how it ended.")
@click.option("-v", "--verbose", is_flag=True, help="What the framework prints, on standard output, for the progress.")
def command(
    file: str,
    backend: str | None,
    output: Path | None,
    sets: tuple[str, ...],
    **flags: bool,
) -> None:
    """Compile a recipe, check the machine, and train.

    Progress goes to standard error; all that the framework prints is kept in run.log in the recipe's output folder,
    and run.json there is the record of the run. Ctrl-C ends the framework and everything it started; a second one
    kills it. `recipes run --resume` goes on from the last whole checkpoint, however the run ended.
    """
    try:
        _run(file, backend, output, sets, Flags(**flags))
    except KeyboardInterrupt:
        stop("interrupted before anything was launched", Exit.INTERRUPTED)


@dataclass(frozen=True)
class Flags:
    """The switches of the command line."""

    resume: bool
    locked: bool
    dry_run: bool
    force: bool
    quiet: bool
    verbose: bool


def _run(file: str, name: str | None, output: Path | None, sets: tuple[str, ...], flags: Flags) -> None:
    loaded = load_recipe(file, sets)
    backend = backend_or_stop(name or (loaded.recipe.run and loaded.recipe.run.backend) or _no_backend())
    root = output or Path("compiled") / loaded.name
    folder = root / backend.name
    compiled = compile_all(loaded, [backend], root)[0]
    for finding in compiled.findings:
        say(text([finding]))
    if flags.locked:
        refuse_drift(loaded, [compiled])
    no_way_back = backend.no_way_back(compiled.plan)
    if flags.resume:
        _stop_where_finished(loaded, compiled)
        if no_way_back:
            stop(f"{backend.title} {backend.version} can't go on with this training: {no_way_back}", Exit.RECIPE)
    environment = _checked(loaded, compiled)
    if flags.dry_run:
        _describe(loaded, compiled, environment, folder)
        return
    _write(compiled, folder, force=flags.force)
    if no_way_back:
        say(f"recipes: where this run stops it has to start over: {no_way_back}")
    record = _launch(loaded, compiled, sets, environment, folder, flags)
    sys.exit(_report(record, loaded, compiled))


def _stop_where_finished(loaded: Any, compiled: Any) -> None:
    from qwen_recipes.launch.resume import finished
    from qwen_recipes.launch.run import output_folder

    output = output_folder(loaded, compiled.plan)
    if finished(output):
        say(f"recipes: the run in {output} is finished; without --resume a new one is started")
        sys.exit(Exit.GOOD)


def _launch(
    loaded: Any, compiled: Any, sets: tuple[str, ...], environment: Environment, folder: Path, flags: Flags
) -> Record:
    from qwen_recipes.launch.display import Display
    from qwen_recipes.launch.resume import Changed
    from qwen_recipes.launch.run import Busy, Options, run

    display = Display(sys.stderr)
    progress = (lambda state: None) if flags.quiet or flags.verbose else display.show
    options = Options(resume=flags.resume, shown=flags.verbose, progress=progress, planned=planned(loaded, compiled))
    try:
        return run(loaded, compiled, sets, environment, folder, say, options)
    except Changed as error:
        for line in error.differences:
            say(f"recipes: {line}")
        stop("a checkpoint can't go on as another training; without --resume a new run is started", Exit.RECIPE)
    except Busy as error:
        stop(str(error), Exit.ENVIRONMENT)
    except OSError as error:
        stop(f"the run can't be recorded: {error}", Exit.ENVIRONMENT)
    finally:
        display.end()


def _no_backend() -> str:
    stop("name a framework: --backend NAME, or run.backend in the recipe", Exit.USAGE)


def _checked(loaded: Any, compiled: Any) -> Environment:
    """The environment, or everything that keeps the run from starting, and exit 1 or 4."""
    from qwen_recipes.launch import preflight
    from qwen_recipes.launch.environment import EnvironmentMissing
    from qwen_recipes.launch.packages import missing_packages
    from qwen_recipes.launch.run import output_folder

    plan, backend = compiled.plan, compiled.backend
    problems = preflight.obstacles(plan, output_folder(loaded, plan), loaded.folder)
    environment = None
    try:
        environment = preflight.environment_for(plan, backend, loaded.folder)
        problems += missing_packages(plan, environment.interpreter)
        problems += preflight.drifted_versions(environment)
    except EnvironmentMissing as error:
        problems.insert(0, str(error))
    for problem in problems:
        say(f"recipes: {problem}")
    verdicts = verdicts_here(loaded, compiled)
    for line in not_fitting(verdicts):
        say(f"recipes: {line}")
    if wrong := preflight.wrong_paths(plan, loaded):
        refuse(wrong)
    if all_too_small(verdicts) and "QR601" not in plan.allow:
        say("recipes: to try all the same, write the reason in the recipe: `allow: {QR601: …}`")
        sys.exit(Exit.DOES_NOT_FIT)
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


def _report(record: Record, loaded: Any, compiled: Any) -> Exit:
    """Say how it ended; the exit code."""
    from qwen_recipes.launch.complaint import last_lines
    from qwen_recipes.launch.record import LOG, RECORD
    from qwen_recipes.launch.run import rows_failed, weights

    output = Path(record.output)
    if record.status == "finished":
        if record.problem:
            say(f"recipes: {record.problem}")
        made = weights(output, compiled.plan.method.adapter)
        say(f"finished in {record.seconds} s{_losses(record)}: {made}")
        return Exit.GOOD
    if record.status == "interrupted":
        say(f"recipes: interrupted by {record.signal} after {record.seconds} s; the record is {output / RECORD}")
        _say_how_to_go_on(record, compiled)
        return Exit.INTERRUPTED
    if record.exit_code and rows_failed(output):
        say(f"recipes: the rows can't be trained on; what was said of them is in {output / LOG}")
        return Exit.RECIPE
    for line in last_lines(output / LOG):
        say(f"  {line}")
    memory = "; SIGKILL often means that the machine ran out of memory" if record.signal == "SIGKILL" else ""
    say(f"recipes: {record.problem} after {record.seconds} s{memory}. All it printed is in {output / LOG}")
    if say_causes(output / LOG) == "out-of-memory":
        for line in counter_offers(loaded, compiled):
            say(f"  {line}")
    _say_how_to_go_on(record, compiled)
    return Exit.RUN


def _say_how_to_go_on(record: Record, compiled: Any) -> None:
    whole = [one for one in record.checkpoints if one["damage"] is None]
    if whole and not compiled.backend.no_way_back(compiled.plan):
        say(f"recipes: `recipes run --resume` goes on from {whole[-1]['folder']}")


def _losses(record: Record) -> str:
    if record.first_loss is None or record.last_loss is None:
        return ""
    steps = f" over {record.steps} steps" if record.steps else ""
    return f", loss {record.first_loss:.4g} to {record.last_loss:.4g}{steps}"
