"""`recipes init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import Exit, backend_or_stop, refuse, stop
from qwen_recipes.cli.report import say
from qwen_recipes.recipe.finding import RecipeError

GOALS = ("chat", "preferences", "text", "labels")
_OBJECTIVES = {"chat": "sft", "preferences": "dpo", "text": "pretrain", "labels": "kto"}
_FITS = {"yes": "fits", "close": "may fit", "no": "does not fit"}
_MODEL, _GPU, _BACKEND = "Qwen/Qwen3-4B-Instruct-2507", "rtx-4090", "llamafactory"


@click.command("init")
@click.option("--model", metavar="MODEL", help=f"Hub id or folder. [default: {_MODEL}]")
@click.option("--data", type=click.Path(path_type=Path), metavar="FILE", help="Rows to train on.")
@click.option("--gpu", metavar="NAME", help="GPU model. [default: this machine's]")
@click.option("--backend", metavar="NAME", help=f"Framework. [default: {_BACKEND}]")
@click.option("--goal", type=click.Choice(GOALS), help="What is learnt from; the rows tell where it is left out.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("recipe.yaml"), show_default=True)
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(
    model: str | None,
    data: Path | None,
    gpu: str | None,
    backend: str | None,
    goal: str | None,
    output: Path,
    force: bool,
) -> None:
    """Write a first recipe for your rows: one that fits the GPU, with its reasons.

    On a terminal it asks for what is not said.
    """
    if output.exists() and not force:
        stop(f"{output} is there already; --force overwrites it", Exit.USAGE)
    model = model or _asked("Model", _MODEL)
    data = data or Path(_asked("Rows to train on (a file)", None))
    named = gpu or _asked("GPU", _present())
    wish = _wish(model, data, named, backend or _asked("Framework", _BACKEND), goal)
    made = _drafted(wish, output.parent)
    _write(output, made.text)
    say(f"{output}: {_FITS[made.estimate.fits()]} {wish.gpu.name} by the estimate; then `recipes run {output}`")


def _asked(question: str, default: str | None) -> str:
    """An answer; without a terminal the default, or exit 2."""
    if sys.stdin.isatty():
        return str(click.prompt(question, default=default, err=True))
    if default is None:
        stop("say which rows: --data FILE", Exit.USAGE)
    return default


def _present() -> str:
    from qwen_recipes.cli.fit import gpus_present

    return next((gpu.name for gpu in gpus_present()), _GPU)


def _wish(model: str, data: Path, gpu: str, backend: str, goal: str | None) -> Any:
    from qwen_recipes.compile.draft import Wish
    from qwen_recipes.estimate.gpus import UnknownGpu, gpu_named

    if not data.is_file():
        stop(f"{data} is not a file", Exit.USAGE)
    try:
        found = gpu_named(gpu)
    except UnknownGpu as error:
        stop(f"no GPU {gpu!r} in the catalogue: {error}", Exit.USAGE)
    return Wish(model, data, found, backend_or_stop(backend), _OBJECTIVES[goal] if goal else None)


def _drafted(wish: Any, folder: Path) -> Any:
    from qwen_recipes.compile.draft import NoDraft, draft

    try:
        return draft(wish, folder)
    except NoDraft as error:
        stop(str(error), Exit.RECIPE)
    except RecipeError as error:
        refuse(error.findings)
    except OSError as error:
        stop(f"{error.filename or folder} can't be read or written: {error.strerror}", Exit.USAGE)


def _write(output: Path, text: str) -> None:
    part = output.with_name(f".{output.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        stop(f"{output} can't be written: {error.strerror}", Exit.USAGE)
