"""`recipes run` of a recipe with a sweep."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.cli.compile import compile_or_exit, get_compiled_folder
from qwen_recipes.cli.console import print_stderr, print_text
from qwen_recipes.cli.hub_files import fetch_recipe_models
from qwen_recipes.cli.lock_check import exit_on_drift, pin_locked_revision
from qwen_recipes.cli.options_and_exits import (
    ExitCode,
    choose_backends_or_exit,
    exit_if_all_backends,
    exit_with_error,
    get_asked_stage,
)

if TYPE_CHECKING:
    from qwen_recipes.compile import CompiledRecipe
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.recipe.trials import LoadedSweep, Trial
    from qwen_recipes.resolve.sweep_metric import SweepMetric
    from qwen_recipes.runs.optuna_search import OptunaSearch
    from qwen_recipes.runs.sweep_record import SweepRecord
    from qwen_recipes.runs.trial_process import TrialSlot


@dataclass(frozen=True)
class SweepCall:
    """How `recipes run` was called."""

    file: str
    backend: str | None
    overrides: tuple[str, ...]
    compiled: Path | None
    resume: bool = False
    locked: bool = False
    dry_run: bool = False
    force: bool = False
    quiet: bool = False
    verbose: bool = False


def load_asked_sweep(file: str, sets: tuple[str, ...]) -> LoadedSweep | None:
    """The sweep of a recipe, or of the stage that `--stage` names; None where there is none, or one trial is chosen."""
    from qwen_recipes.recipe.pipeline import find_every_problem, get_training, load_pipeline
    from qwen_recipes.recipe.read_file import read_recipe_bytes
    from qwen_recipes.recipe.trials import load_trials_text

    if file == "-":
        return None
    if stage := get_asked_stage():
        return get_training(load_pipeline(file, sets), stage, file).sweep
    with find_every_problem(Path(file).parent):
        return load_trials_text(read_recipe_bytes(file), file, Path(file).parent, sets)


def run_sweep(sweep: LoadedSweep, call: SweepCall) -> ExitCode:
    """Run every trial, print the table, and say how it ended. Raises RecipeError before anything runs."""
    from qwen_recipes.filesystem.locked_folder import make_folder
    from qwen_recipes.reports.sweep_table import format_sweep_table
    from qwen_recipes.resolve.sweep_metric import choose_sweep_metric
    from qwen_recipes.runs.sweep import SweepRun

    exit_if_all_backends(call.backend)
    for trial in sweep.trials:
        fetch_recipe_models(trial.loaded)
    metric = choose_sweep_metric(sweep, call.backend)
    compiled = _compile_all(sweep, call)
    output = sweep.output.resolve()
    if call.dry_run:
        return _run_dry(sweep, metric, compiled, call)
    make_folder(output)
    search = _open_search(sweep, metric, output, call)
    record = _make_record(sweep, metric, output, call, is_search=search is not None)
    run = SweepRun(
        sweep, metric, record, _make_slots(sweep), lambda trial, again: _make_arguments(trial, again, call, sweep),
        print_stderr, search, _list_trials(sweep, record),
    )  # fmt: skip
    count = sweep.spec.search.trials or 20 if sweep.spec.search else len(record.trials)
    way = "highest" if metric.maximize else "lowest"
    print_stderr(f"{count} trials in {output}, {len(run.slots)} at a time, ranked by {metric.name} ({way} first)")
    record = run.run()
    print_text(format_sweep_table(record))
    return _report_outcome(record)


def _compile_all(sweep: LoadedSweep, call: SweepCall) -> dict[str, CompiledRecipe]:
    """The trials by name; exit where one would be refused, before the first one runs."""

    def pin(loaded: LoadedRecipe) -> LoadedRecipe:
        return fetch_recipe_models(pin_locked_revision(loaded)) if call.locked else loaded

    printed: set[str] = set()
    compiled = {}
    for trial in sweep.trials:
        recipes = choose_backends_or_exit(trial.loaded, call.backend, prepare=pin, printed=printed)
        compiled[trial.name] = compile_or_exit(recipes[:1], get_compiled_folder(trial.loaded, call.compiled))[0]
    if call.locked:
        exit_on_drift(list(compiled.values()))
    return compiled


def _run_dry(sweep: LoadedSweep, metric: SweepMetric, compiled: dict[str, CompiledRecipe], call: SweepCall) -> ExitCode:
    """Check every trial that is left to run, and print its command; of a search, of samples of its trials."""
    from qwen_recipes.cli.sweep_dry_run import print_sweep_dry_run
    from qwen_recipes.runs.optuna_search import MissingOptunaError, has_optuna
    from qwen_recipes.runs.sweep_record import ENDED

    is_search = sweep.spec.search is not None
    record = _make_record(sweep, metric, sweep.output.resolve(), call, is_search=is_search)
    done = {row.name for row in record.trials if row.status in ENDED}
    left = [trial for trial in sweep.trials if is_search or trial.name not in done]
    commands = {trial.name: _make_arguments(trial, False, call, sweep) for trial in left}
    problems = [str(MissingOptunaError())] if is_search and not has_optuna() else []
    if is_search:
        print_stderr("a search draws its trials as it runs; these have the listed values and the ends of ranges")
    if not left:
        print_stderr(f"every trial in {sweep.output} has a result; run without --resume to start over")
        return ExitCode.SUCCESS
    checked = {trial.name: compiled[trial.name] for trial in left}
    return print_sweep_dry_run(sweep, checked, problems, commands, force=call.force)


def _open_search(sweep: LoadedSweep, metric: SweepMetric, output: Path, call: SweepCall) -> OptunaSearch | None:
    if sweep.spec.search is None:
        return None
    from qwen_recipes.runs.optuna_search import MissingOptunaError, open_search

    try:
        return open_search(sweep, metric, output, resume=call.resume)
    except MissingOptunaError as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)


def _make_record(
    sweep: LoadedSweep, metric: SweepMetric, output: Path, call: SweepCall, *, is_search: bool
) -> SweepRecord:
    from qwen_recipes.runs.record import format_current_time
    from qwen_recipes.runs.sweep import continue_record, make_row
    from qwen_recipes.runs.sweep_record import SweepRecord, read_sweep_record

    settings = sweep.spec.search.model_dump(exclude_none=True) if sweep.spec.search else None
    record = SweepRecord(
        sweep.name, str(call.file), str(output), metric.name, metric.maximize, list(sweep.fields),
        sweep.spec.keep or "best", format_current_time(),
        [] if is_search else [make_row(trial, output) for trial in sweep.trials],
        search=settings, overrides=list(call.overrides),
    )  # fmt: skip
    if not call.resume:
        return record
    if read_sweep_record(output) is None:
        print_stderr(f"recipes: no sweep to resume in {output}: every trial runs")
    return continue_record(record)


def _list_trials(sweep: LoadedSweep, record: SweepRecord) -> dict[str, Trial]:
    """Trials by name; those that a search drew before are made again of their values."""
    if sweep.spec.search is None:
        return {trial.name: trial for trial in sweep.trials}
    return {row.name: sweep.make_trial(row.name, row.values) for row in record.trials}


def _make_slots(sweep: LoadedSweep) -> list[TrialSlot]:
    from qwen_recipes.environments.gpu import detect_gpus
    from qwen_recipes.runs.trial_process import make_slots

    hardware = sweep.trials[0].loaded.recipe.hardware
    if hardware is not None and (hardware.device == "cpu" or (hardware.nodes or 1) > 1):
        return make_slots(0, 1)
    return make_slots(len(detect_gpus()), (hardware.gpus if hardware else None) or 1)


def _make_arguments(trial: Trial, again: bool, call: SweepCall, sweep: LoadedSweep) -> list[str]:
    """The arguments of `recipes` that run one trial."""
    stage = trial.loaded.stage
    prefix = f"{_find_stage_route(sweep, stage)}." if stage else ""
    chosen = [f"{prefix}sweep.trial={trial.name}"]
    if sweep.spec.search is not None:
        chosen.append(f"{prefix}sweep.values={json.dumps(trial.values)}")
    sets = [part for one in (*call.overrides, *chosen) for part in ("--set", one)]
    flags = [
        *(("--backend", call.backend) if call.backend else ()), *(("--stage", stage) if stage else ()),
        *(("-o", str(call.compiled / trial.name)) if call.compiled else ()),
        *(("--resume",) if again else ()), *(("--locked",) if call.locked else ()),
        *(("--force",) if call.force else ()),
    ]  # fmt: skip
    return ["run", call.file, "-q", *flags, *sets]


def _find_stage_route(sweep: LoadedSweep, stage: str) -> str:
    """`stages[2]`, by which an override reaches a stage of this name."""
    from qwen_recipes.recipe.pipeline import load_pipeline

    pipeline = load_pipeline(sweep.document.file)
    names = [one.name for one in pipeline.stages] if pipeline else []
    return f"stages[{names.index(stage)}]"


def _report_outcome(record: SweepRecord) -> ExitCode:
    file = f"{record.output}/sweep.json"
    if record.status == "interrupted":
        print_stderr(f"recipes: interrupted; `recipes run --resume` continues with the remaining trials: {file}")
        return ExitCode.INTERRUPTED
    if record.best is None:
        print_stderr(f"recipes: no trial could be ranked by {record.metric}: {file}")
        return ExitCode.RUN_FAILED
    best = next(row for row in record.trials if row.name == record.best)
    weights = f": {record.output}/{best.output}" if best.weights else ""
    print_stderr(f"best trial: {best.name}, {record.metric} {best.metric:.6g}{weights}")
    return ExitCode.SUCCESS
