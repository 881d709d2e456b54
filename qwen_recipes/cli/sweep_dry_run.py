"""`recipes run --dry-run` of a sweep: what a dry run of one recipe checks, for every trial."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from qwen_recipes.cli.compile import exit_if_hand_edited, exit_if_not_ours
from qwen_recipes.cli.console import print_stderr, print_text, text
from qwen_recipes.cli.gpu_fit import describe_memory_shortfall
from qwen_recipes.cli.options_and_exits import ExitCode, summarize_findings
from qwen_recipes.cli.run_preflight import ALLOW_HINT, Preflight, PreflightChecker
from qwen_recipes.recipe.trials import LoadedSweep, merge_trial_findings, name_trials

if TYPE_CHECKING:
    from qwen_recipes.compile import CompiledRecipe


def print_sweep_dry_run(
    sweep: LoadedSweep,
    compiled: Mapping[str, CompiledRecipe],
    problems: Sequence[str],
    commands: Mapping[str, list[str]],
    *,
    force: bool,
) -> ExitCode:
    """Check every trial of `compiled`, by name, and print what keeps trials from starting, or else what would run.

    What trials share is printed once. `problems` are those of the sweep as a whole. Returns 0, or the lowest exit code
    that a trial would end with.
    """
    checker = PreflightChecker(trust_recipe=False)
    found = {name: checker.check(one) for name, one in compiled.items()}
    _print_problems(sweep, found, problems)
    codes = {one.exit_code for one in found.values()} | ({ExitCode.ENVIRONMENT} if problems else set())
    if failed := codes - {ExitCode.SUCCESS}:
        return min(failed)
    if not force:
        exit_if_not_ours(list(compiled.values()))
        exit_if_hand_edited(list(compiled.values()))
    for line in share_lines({name: [_describe_environment(one)] for name, one in found.items()}):
        print_text(f"environment  {line}")
    print_text(f"output       {sweep.output.resolve()}")
    for name, command in commands.items():
        print_text(f"trial        {name}: {shlex.join(['recipes', *command])}")
    return ExitCode.SUCCESS


def _print_problems(sweep: LoadedSweep, trials: Mapping[str, Preflight], problems: Sequence[str]) -> None:
    shared = share_lines({name: _list_problems(one, sweep) for name, one in trials.items()})
    for line in (*problems, *shared):
        print_stderr(f"recipes: {line}")
    each = ((name, finding) for name, one in trials.items() for finding in (*one.data_errors, *one.version_findings))
    if findings := list(merge_trial_findings(each, list(trials))):
        print_stderr(f"{text(findings)}\n{summarize_findings(findings)}")
    if not all(one.fits for one in trials.values()):
        print_stderr(f"recipes: {ALLOW_HINT}")


def _list_problems(preflight: Preflight, sweep: LoadedSweep) -> Iterator[str]:
    """What keeps a trial from starting, and notes, with `*` for the name of the trial's folder."""
    from qwen_recipes.runs.run import get_output_folder

    own = str(get_output_folder(preflight.compiled))
    fit = "\n".join(describe_memory_shortfall(preflight.verdicts))
    for line in filter(None, (*preflight.problems, fit, *preflight.notes)):
        yield line.replace(own, str(sweep.output / "*"))


def _describe_environment(preflight: Preflight) -> str:
    assert preflight.environment is not None
    return f"{preflight.environment.folder} ({preflight.compiled.backend.title} {preflight.environment.version})"


def share_lines(lines: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """The lines of all trials, each once; one that only some trials have begins with their names."""
    having: dict[str, list[str]] = {}
    for name, said in lines.items():
        for line in dict.fromkeys(said):
            having.setdefault(line, []).append(name)
    for line, names in having.items():
        yield line if len(names) == len(lines) else f"trial {name_trials(names)}: {line}"
