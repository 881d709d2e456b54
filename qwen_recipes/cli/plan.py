"""`recipes plan`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.hub_files import fetch_recipe_models
from qwen_recipes.cli.options_and_exits import (
    BACKENDS_HELP,
    ExitCode,
    exit_with_error,
    format_option,
    load_stages,
    set_option,
    warn_custom_tokenizer_or_template,
)

if TYPE_CHECKING:
    from qwen_recipes.backends.plan import Plan
    from qwen_recipes.cli.estimate_report import FitVerdict
    from qwen_recipes.cli.merge_plan import MergeEstimate
    from qwen_recipes.gpus.gpu_model import GpuModel
    from qwen_recipes.resolve import BackendRecipe

Item = TypeVar("Item")


@click.command("plan")
@click.argument("file")
@click.option("--backend", metavar="NAME|all", help=BACKENDS_HELP)
@click.option(
    "--gpu",
    "names",
    multiple=True,
    metavar="NAME",
    help="GPU model to estimate for, e.g. rtx-4090, or its memory, e.g. 48GiB, or "
    "16GiB,bf16=false for one without bf16. Repeatable. "
    "[default: hardware.gpu, else this machine's]",
)
@set_option
@format_option("text", "json")
def command(file: str, backend: str | None, names: tuple[str, ...], sets: tuple[str, ...], form: str) -> None:
    """Estimate memory, time and disk, and suggest changes that make the run fit.

    Memory is per GPU: the estimated peak and its 90% interval. `fits`: 99 of 100 such runs stay below the available
    memory. `may fit`: the memory in use fits, but not the reserve that the allocator holds on top of it. For a sweep,
    the largest trial is shown in detail. On a CPU, only steps, disk and the host memory of the weights are known. Exit
    code 3 if the recipe, or one of its stages or trials, fits none of the GPUs.

    Example: recipes plan support.recipe.yaml --gpu rtx-4090 --gpu h100-80gb
    """
    from qwen_recipes.cli.merge_plan import estimate_merges

    stages = load_stages(file, sets, backend, prepare=fetch_recipe_models)
    first = next(iter(stages.values()))[0]
    _warn_unusable_data(stages)
    if first.plan.hardware.device == "cpu" and not names:
        _print_cpu_estimates(stages, form, estimate_merges(file, sets, backend))
        return
    every = {
        stage: [verdict for one in recipes for verdict in assess_recipe(one, names)]
        for stage, recipes in stages.items()
    }
    warn_custom_tokenizer_or_template(first.model, "chat.template" in first.plan.set_fields)
    labels = {part: recipes[0].loaded.part_label for part, recipes in stages.items()}
    _print_verdicts(every, form, labels, estimate_merges(file, sets, backend))
    if any(all(verdict.estimate.check_fit() == "no" for verdict in verdicts) for verdicts in every.values()):
        sys.exit(ExitCode.DOES_NOT_FIT)


def _warn_unusable_data(stages: dict[str, list[BackendRecipe]]) -> None:
    """Say which data files nothing can be trained on; `lint` has them at their line."""
    from qwen_recipes.guards.missing_data import find_unusable_data

    found = (finding for recipes in stages.values() for finding in find_unusable_data(recipes[0].loaded))
    for text in dict.fromkeys(f"{finding.message}; {finding.suggestion}" for finding in found):
        print_stderr(f"recipes: {text}")


def assess_recipe(recipe: BackendRecipe, gpu_names: tuple[str, ...]) -> list[FitVerdict]:
    """The estimate for each GPU that is meant: the named ones, the recipe's, or this machine's."""
    from qwen_recipes.cli.estimate_report import assess_fit

    if recipe.plan.hardware.device == "cpu":
        recipe = recipe.override("hardware.device=cuda")
    return [
        assess_fit(_name_gpu(recipe, gpu, named=bool(gpu_names)), gpu) for gpu in _select_gpus(recipe.plan, gpu_names)
    ]


def _name_gpu(recipe: BackendRecipe, gpu: GpuModel, *, named: bool) -> BackendRecipe:
    """The recipe as if it named this GPU, where the command line does or it computes no bf16 (QR407)."""
    if recipe.plan.hardware.gpu == gpu or not (named or not gpu.supports_bf16):
        return recipe
    stated = f"memory: {gpu.memory}, bf16: {str(gpu.supports_bf16).lower()}"
    return recipe.override(f"hardware.gpu={{{stated if gpu.stated else f'name: {gpu.name}'}}}")


def _select_gpus(plan: Plan, gpu_names: tuple[str, ...]) -> list[GpuModel]:
    from qwen_recipes.cli.gpu_fit import identify_gpus
    from qwen_recipes.environments.gpu import detect_gpus
    from qwen_recipes.gpus.catalogue import UnknownGpuError, get_gpu_model, parse_gpu
    from qwen_recipes.resolve.strategy import ASSUMED_GPU

    if plan.hardware.gpu is not None and not gpu_names:
        return [plan.hardware.gpu]
    try:
        asked = [parse_gpu(named := name) for name in gpu_names]
    except UnknownGpuError as error:
        exit_with_error(f"--gpu: unknown GPU `{named}`: {error}", ExitCode.USAGE)
    return asked or identify_gpus(detect_gpus()) or [get_gpu_model(ASSUMED_GPU)]


def _print_cpu_estimates(stages: dict[str, list[BackendRecipe]], form: str, merges: list[MergeEstimate]) -> None:
    from qwen_recipes.cli.cpu_estimate import cpu_estimate_as_json, format_cpu_estimate

    if form == "json":
        _print_records(stages, cpu_estimate_as_json, merges)
        return
    for recipes in stages.values():
        for one in recipes:
            print_text(f"{one.loaded.part_label}\n{format_cpu_estimate(one)}".lstrip())
    for merge in merges:
        print_text(f"\n{merge.as_text()}")


def _print_records(
    stages: dict[str, list[Item]], as_json: Callable[[Item], dict[str, Any]], merges: list[MergeEstimate]
) -> None:
    """A list in JSON: what is known of each stage's trainings, then the merges."""
    made = [{**({"stage": stage} if stage else {}), **as_json(one)} for stage, items in stages.items() for one in items]
    print_json([*made, *(merge.as_json() for merge in merges)])


def _print_verdicts(
    stages: dict[str, list[FitVerdict]], form: str, labels: dict[str, str], merges: list[MergeEstimate]
) -> None:
    from qwen_recipes.cli.estimate_report import format_trial_verdicts, format_verdicts, verdict_as_json

    if form == "json":
        _print_records(stages, verdict_as_json, merges)
        return
    trials = {part: verdicts for part, verdicts in stages.items() if "trial " in labels[part]}
    for number, (stage, verdicts) in enumerate((part, one) for part, one in stages.items() if part not in trials):
        if stage:
            print_text(f"{chr(10) if number else ''}{labels[stage]}")
        print_text(format_verdicts(verdicts, colour=sys.stdout.isatty()))
    if trials:
        print_text(format_trial_verdicts(trials, colour=sys.stdout.isatty()))
    for merge in merges:
        print_text(f"\n{merge.as_text()}")
