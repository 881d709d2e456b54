"""`recipes plan`."""

from __future__ import annotations

import sys
from typing import Any

import click

from qwen_recipes.cli.common import Exit, format_option, load_recipe, refuse, say_unknown, set_option, stop
from qwen_recipes.recipe.finding import RecipeError


@click.command("plan")
@click.argument("file")
@click.option("--backend", metavar="NAME|all", help="Framework; the recipe's own where left out, or all.")
@click.option(
    "--gpu", "names", multiple=True, metavar="NAME", help="GPU model; may be repeated. [default: the recipe's]"
)
@set_option
@format_option("text", "json")
def command(file: str, backend: str | None, names: tuple[str, ...], sets: tuple[str, ...], form: str) -> None:
    """Tell what a recipe takes: memory, time, disk; and what to change where it does not fit.

    Exits 3 where it fits on none of the GPUs.
    """
    from qwen_recipes.qwen.models import model_facts

    loaded = load_recipe(file, sets, form)
    try:
        verdicts = [verdict for one in _wanted(loaded, backend) for verdict in _verdicts(loaded, one, names)]
    except RecipeError as error:
        refuse(error.findings, form)
    chat = loaded.recipe.chat
    say_unknown(model_facts(loaded.recipe.model.id, loaded.folder), bool(chat and chat.template))
    _print(verdicts, form)
    if all(verdict.estimate.fits() == "no" for verdict in verdicts):
        sys.exit(Exit.DOES_NOT_FIT)


def _wanted(loaded: Any, backend: str | None) -> list[Any]:
    from qwen_recipes.backends import backends
    from qwen_recipes.cli.common import backend_or_stop

    name = backend or (loaded.recipe.run.backend if loaded.recipe.run else None) or "all"
    return backends() if name == "all" else [backend_or_stop(name)]


def _verdicts(loaded: Any, backend: Any, names: tuple[str, ...]) -> list[Any]:
    from qwen_recipes.cli.planned import verdict
    from qwen_recipes.resolve import resolve

    plan = resolve(loaded, backend)
    if plan.hardware.device == "cpu":
        stop("the recipe runs on the CPU, which has no GPU memory to plan; take out `device: cpu`", Exit.USAGE)
    return [verdict(loaded, plan, backend, gpu) for gpu in _gpus(plan, names)]


def _gpus(plan: Any, names: tuple[str, ...]) -> list[Any]:
    from qwen_recipes.cli.fit import gpus_present
    from qwen_recipes.estimate.gpus import UnknownGpu, gpu_named

    try:
        asked = [gpu_named(name) for name in names or filter(None, [plan.hardware.gpu])]
    except UnknownGpu as error:
        stop(f"no such GPU: {error}", Exit.USAGE)
    found = asked or gpus_present()
    return found or [gpu_named("rtx-4090")]


def _print(verdicts: list[Any], form: str) -> None:
    from qwen_recipes.cli.planned import as_json, as_text

    if form == "json":
        import json

        click.echo(json.dumps([as_json(verdict) for verdict in verdicts], indent=2))
        return
    click.echo(as_text(verdicts, colour=sys.stdout.isatty()))
