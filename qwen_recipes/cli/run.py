"""`recipes run`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.compile import (
    compile_or_exit,
    exit_if_hand_edited,
    exit_if_not_ours,
    get_compiled_folder,
    write_output_or_exit,
)
from qwen_recipes.cli.console import print_stderr, print_text, text
from qwen_recipes.cli.gpu_fit import build_estimate_record, suggest_memory_savings
from qwen_recipes.cli.hub_files import fetch_recipe_models
from qwen_recipes.cli.lock_check import exit_on_drift, pin_locked_revision
from qwen_recipes.cli.options_and_exits import (
    BACKEND_HELP,
    ExitCode,
    exit_with_error,
    get_asked_stage,
    load_backend_recipe,
    set_option,
)
from qwen_recipes.cli.run_flags import RunFlags
from qwen_recipes.cli.run_preflight import Preflight, PreflightChecker, exit_unless_ready, list_dry_run_lines
from qwen_recipes.cli.run_sweep import SweepCall, load_asked_sweep, run_sweep
from qwen_recipes.cli.why import print_first_cause

if TYPE_CHECKING:
    from qwen_recipes.compile import CompiledRecipe
    from qwen_recipes.environments.environment import Environment
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.resolve import BackendRecipe
    from qwen_recipes.runs.record import RunRecord


@click.command("run")
@click.argument("file")
@click.option("--backend", metavar="NAME", help=BACKEND_HELP)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder for the compiled files. [default: compiled/NAME]",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Resume the run in the output folder from its last complete checkpoint.")
@click.option("--locked", is_flag=True, help="Fail if anything differs from the recipe's lock file.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check everything, for a sweep every trial, and print what would run; write nothing.",
)
@click.option("--force", is_flag=True, help="Overwrite compiled files that were edited by hand.")
@set_option
@click.option("-q", "--quiet", is_flag=True, help="Print no progress, only problems and the result.")
@click.option("-v", "--verbose", is_flag=True, help="Print the framework's output instead of the progress bar.")
def command(
    file: str,
    backend: str | None,
    output: Path | None,
    sets: tuple[str, ...],
    **flags: bool,
) -> None:
    """Compile a recipe, check the machine, and train.

    The output folder (output.dir) receives run.log, everything the framework prints, and run.json, the record of the
    run. Ctrl-C stops the framework and all its processes; a second Ctrl-C kills them. `recipes run --resume` resumes
    from the last complete checkpoint.

    The stages of a pipeline run one after another, recorded in pipeline.json in the pipeline's folder. Stages that are
    done and unchanged are skipped: the same command continues a pipeline that stopped.

    With a `sweep`, every trial is run, one after another or spread over the GPUs, and the results are ranked; --resume
    runs the trials that have no result yet.

    Exit codes: 1 invalid recipe or data, 3 does not fit the hardware, 4 environment or preflight failure, 5 the run
    failed.
    """
    try:
        if sweep := load_asked_sweep(file, sets):
            sys.exit(run_sweep(sweep, SweepCall(file, backend, sets, output, **flags)))
        _run_recipe(file, backend, output, sets, RunFlags(**flags))
    except KeyboardInterrupt:
        exit_with_error("interrupted before training started", ExitCode.INTERRUPTED)


def _pin_and_fetch(loaded: LoadedRecipe) -> LoadedRecipe:
    return fetch_recipe_models(pin_locked_revision(loaded))


def _run_recipe(file: str, name: str | None, output: Path | None, sets: tuple[str, ...], flags: RunFlags) -> None:
    from qwen_recipes.recipe.pipeline import load_pipeline

    pipeline = None if file == "-" or get_asked_stage() else load_pipeline(file, sets)
    if pipeline is not None:
        from qwen_recipes.cli.run_pipeline import run_pipeline

        sys.exit(run_pipeline(pipeline, name, output, sets, flags, run_backend_recipe))
    prepare = _pin_and_fetch if flags.locked else fetch_recipe_models
    run_backend_recipe(load_backend_recipe(file, sets, name, prepare=prepare), output, sets, flags)


def run_backend_recipe(recipe: BackendRecipe, output: Path | None, sets: tuple[str, ...], flags: RunFlags) -> None:
    """Compile, check and train one recipe; the process exits with how it ended, and returns of a dry run."""
    backend = recipe.backend
    root = get_compiled_folder(recipe.loaded, output)
    compiled = compile_or_exit([recipe], root)[0]
    for finding in compiled.findings:
        print_stderr(text([finding]))
    if flags.locked:
        exit_on_drift([compiled])
    no_way_back = backend.explain_cannot_resume(compiled.plan)
    if flags.resume:
        _exit_if_finished(compiled)
        if no_way_back:
            exit_with_error(
                f"{backend.title} {backend.version} cannot resume this training: {no_way_back}",
                ExitCode.INVALID_INPUT,
            )
        flags = _start_over_without_checkpoint(compiled, flags)
    preflight = PreflightChecker(trust_recipe=not flags.dry_run).check(compiled)
    environment = exit_unless_ready(preflight)
    if not flags.force:
        exit_if_not_ours([compiled])
    if flags.dry_run:
        if not flags.force:
            exit_if_hand_edited([compiled])
        _print_dry_run(preflight, environment, resume=flags.resume)
        return
    write_output_or_exit(compiled, root, force=flags.force)
    if no_way_back:
        print_stderr(f"recipes: this run cannot be resumed if it stops: {no_way_back}")
    record = _launch_training(preflight, environment, sets, flags)
    sys.exit(_report_outcome(record, preflight))


def _exit_if_finished(compiled: CompiledRecipe) -> None:
    from qwen_recipes.runs.resume import is_run_finished
    from qwen_recipes.runs.run import get_output_folder

    output = get_output_folder(compiled)
    if is_run_finished(output):
        print_stderr(f"recipes: the run in {output} is finished; run without --resume to start a new one")
        sys.exit(ExitCode.SUCCESS)


def _start_over_without_checkpoint(compiled: CompiledRecipe, flags: RunFlags) -> RunFlags:
    """The flags without `--resume` where there is no checkpoint, which is printed first, before other problems."""
    from qwen_recipes.runs.checkpoints import list_checkpoints
    from qwen_recipes.runs.run import get_output_folder

    output = get_output_folder(compiled)
    if list_checkpoints(output):
        return flags
    print_stderr(f"recipes: no checkpoint to resume from in {output}: starting over")
    return replace(flags, resume=False)


def _launch_training(
    preflight: Preflight, environment: Environment, sets: tuple[str, ...], flags: RunFlags
) -> RunRecord:
    from qwen_recipes.diagnose.causes import name_first_cause
    from qwen_recipes.runs.progress_bar import ProgressDisplay
    from qwen_recipes.runs.resume import ResumeMismatchError
    from qwen_recipes.runs.run import OutputFolderBusyError, RunOptions, run_training

    display = ProgressDisplay(sys.stderr)
    progress = (lambda state: None) if flags.quiet or flags.verbose else display.show
    options = RunOptions(
        resume=flags.resume,
        show_output=flags.verbose,
        progress=progress,
        gpus=preflight.gpus,
        planned=build_estimate_record(preflight.verdicts),
        find_cause=name_first_cause,
    )
    try:
        return run_training(preflight.compiled, sets, environment, print_stderr, options)
    except ResumeMismatchError as error:
        for line in error.differences:
            print_stderr(f"recipes: {line}")
        exit_with_error(
            "cannot resume: the settings above cannot change on resume; restore them, or start a new run without "
            "--resume",
            ExitCode.INVALID_INPUT,
        )
    except OutputFolderBusyError as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except OSError as error:
        exit_with_error(f"cannot write the run record: {error}", ExitCode.ENVIRONMENT)
    finally:
        display.end()


def _print_dry_run(preflight: Preflight, environment: Environment, *, resume: bool) -> None:
    from qwen_recipes.runs.checkpoints import find_last_intact
    from qwen_recipes.runs.record import build_launch_command
    from qwen_recipes.runs.run import get_output_folder

    compiled = preflight.compiled
    output = get_output_folder(compiled).resolve()
    print_text(f"command      {shlex.join(build_launch_command(compiled.folder))}")
    print_text(f"environment  {environment.folder} ({compiled.backend.title} {environment.version})")
    print_text(f"output       {output}")
    if resume and (checkpoint := find_last_intact(output)[0]):
        print_text(f"resume from  {checkpoint.folder.name}")
    for line in list_dry_run_lines(compiled):
        print_text(line)


def _report_outcome(record: RunRecord, preflight: Preflight) -> ExitCode:
    """Say how it ended; the exit code."""
    from qwen_recipes.runs.log_tail import read_error_lines
    from qwen_recipes.runs.record import LOG_FILE, RECORD_FILE
    from qwen_recipes.runs.run import find_trained_weights, is_row_preparation_failure

    output, compiled = Path(record.output), preflight.compiled
    if record.status == "finished":
        if record.problem:
            print_stderr(f"recipes: {record.problem}")
        made = find_trained_weights(output, compiled.plan.method.adapter)
        print_stderr(f"finished in {record.seconds} s{_format_losses(record)}: {made}")
        return ExitCode.SUCCESS
    if record.status == "interrupted":
        print_stderr(
            f"recipes: interrupted by {record.signal} after {record.seconds} s; run record: {output / RECORD_FILE}"
        )
        _print_resume_hint(record, compiled)
        return ExitCode.INTERRUPTED
    if record.exit_code and is_row_preparation_failure(output):
        print_stderr(f"recipes: the data cannot be used for training; details are in {output / LOG_FILE}")
        return ExitCode.INVALID_INPUT
    for line in read_error_lines(output / LOG_FILE):
        print_stderr(f"  {line}")
    memory = "; SIGKILL often means the machine ran out of memory" if record.signal == "SIGKILL" else ""
    print_stderr(f"recipes: {record.problem} after {record.seconds} s{memory}. Full log: {output / LOG_FILE}")
    if print_first_cause(output / LOG_FILE) == "out-of-memory":
        for line in suggest_memory_savings(compiled.recipe, preflight.gpus):
            print_stderr(f"  {line}")
    _print_resume_hint(record, compiled)
    return ExitCode.RUN_FAILED


def _print_resume_hint(record: RunRecord, compiled: CompiledRecipe) -> None:
    whole = [one for one in record.checkpoints if one["damage"] is None]
    if whole and not compiled.backend.explain_cannot_resume(compiled.plan):
        print_stderr(f"recipes: `recipes run --resume` resumes from {whole[-1]['folder']}")


def _format_losses(record: RunRecord) -> str:
    if record.first_loss is None or record.last_loss is None:
        return ""
    steps = f" over {record.steps} steps" if record.steps else ""
    return f", loss {record.first_loss:.4g} to {record.last_loss:.4g}{steps}"
