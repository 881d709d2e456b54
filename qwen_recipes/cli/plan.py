"""`recipes plan`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_text
from qwen_recipes.cli.options_and_exits import (
    BACKENDS_HELP,
    ExitCode,
    choose_backends_or_exit,
    exit_with_error,
    exit_with_findings,
    format_option,
    load_recipe_or_exit,
    set_option,
    warn_custom_tokenizer_or_template,
)
from qwen_recipes.finding import RecipeError

if TYPE_CHECKING:
    from qwen_recipes.backends import Backend
    from qwen_recipes.backends.plan import Plan
    from qwen_recipes.cli.estimate_report import FitVerdict
    from qwen_recipes.estimate.gpu_models import GpuModel
    from qwen_recipes.recipe.load import LoadedRecipe


@click.command("plan")
@click.argument("file")
@click.option("--backend", metavar="NAME|all", help=BACKENDS_HELP)
@click.option(
    "--gpu",
    "names",
    multiple=True,
    metavar="NAME",
    help="GPU model to estimate for, e.g. rtx-4090. Repeatable. [default: hardware.gpu, else this machine's]",
)
@set_option
@format_option("text", "json")
def command(file: str, backend: str | None, names: tuple[str, ...], sets: tuple[str, ...], form: str) -> None:
    """Estimate memory, time and disk, and suggest changes that make the run fit.

    Memory is per GPU in GiB; fits, may fit and does not fit compare the estimated range with what the GPU has left for
    training. Exit code 3 if the recipe fits on none of the GPUs.

    Example: recipes plan support.recipe.yaml --gpu rtx-4090 --gpu h100-80gb
    """
    from qwen_recipes.qwen.models import get_model_facts

    loaded = load_recipe_or_exit(file, sets, form)
    try:
        verdicts = [
            verdict
            for one in choose_backends_or_exit(loaded, backend)
            for verdict in _assess_backend(loaded, one, names)
        ]
    except RecipeError as error:
        exit_with_findings(error.findings, form)
    chat = loaded.recipe.chat
    warn_custom_tokenizer_or_template(
        get_model_facts(loaded.recipe.model.id, loaded.folder), bool(chat and chat.template)
    )
    _print_verdicts(verdicts, form)
    if all(verdict.estimate.check_fit() == "no" for verdict in verdicts):
        sys.exit(ExitCode.DOES_NOT_FIT)


def _assess_backend(loaded: LoadedRecipe, backend: Backend, gpu_names: tuple[str, ...]) -> list[FitVerdict]:
    from qwen_recipes.cli.estimate_report import assess_fit
    from qwen_recipes.resolve import resolve

    plan = resolve(loaded, backend)
    if plan.hardware.device == "cpu":
        exit_with_error(
            "the recipe runs on the CPU, so there is no GPU memory to estimate: remove `hardware.device: cpu`",
            ExitCode.USAGE,
        )
    return [
        assess_fit(*_name_gpu(loaded, plan, backend, gpu, named=bool(gpu_names)), backend, gpu)
        for gpu in _select_gpus(plan, gpu_names)
    ]


def _name_gpu(
    loaded: LoadedRecipe, plan: Plan, backend: Backend, gpu: GpuModel, *, named: bool
) -> tuple[LoadedRecipe, Plan]:
    """The recipe and its plan as if it named this GPU, where the command line does or it computes no bf16 (QR407)."""
    from qwen_recipes.recipe.load import override_recipe
    from qwen_recipes.resolve import resolve

    if plan.hardware.gpu == gpu.name or not (named or not gpu.supports_bf16):
        return loaded, plan
    changed = override_recipe(loaded, (f"hardware.gpu={gpu.name}",))
    return changed, resolve(changed, backend)


def _select_gpus(plan: Plan, gpu_names: tuple[str, ...]) -> list[GpuModel]:
    from qwen_recipes.cli.gpu_fit import detect_known_gpus
    from qwen_recipes.estimate.gpu_models import UnknownGpuError, get_gpu_model

    try:
        asked = [get_gpu_model(name) for name in gpu_names or filter(None, [plan.hardware.gpu])]
    except UnknownGpuError as error:
        exit_with_error(f"unknown GPU: {error}", ExitCode.USAGE)
    found = asked or detect_known_gpus()
    return found or [get_gpu_model("rtx-4090")]


def _print_verdicts(verdicts: list[FitVerdict], form: str) -> None:
    from qwen_recipes.cli.estimate_report import format_verdicts, verdict_as_json

    if form == "json":
        print_json([verdict_as_json(verdict) for verdict in verdicts])
        return
    print_text(format_verdicts(verdicts, colour=sys.stdout.isatty()))
