"""`recipes init`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from qwen_recipes.backends import PREFERRED_BACKENDS
from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, get_backend_or_exit
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.registry import DEFAULT_MODEL
from qwen_recipes.sizes import GIB

if TYPE_CHECKING:
    from qwen_recipes.backends.base import Backend
    from qwen_recipes.compile.starter_recipe import StarterRecipe, StarterRequest
    from qwen_recipes.finding import Finding
    from qwen_recipes.gpus.gpu_model import GpuModel

Answer = TypeVar("Answer")
GOALS = ("chat", "preferences", "text", "labels")
_GOAL_OBJECTIVES = {"chat": "sft", "preferences": "dpo", "text": "pretrain", "labels": "kto"}
_ASSUMED = "assumed"
_DEFAULT_GPU, _DEFAULT_BACKEND = "rtx-4090", PREFERRED_BACKENDS[0]


@click.command("init")
@click.option("--model", metavar="MODEL", help=f"Model: a hub id or a local folder. [default: {DEFAULT_MODEL}]")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Training data, e.g. data/support.jsonl. [required without a terminal]",
)
@click.option(
    "--gpu",
    metavar="NAME",
    help=f"GPU model, e.g. h100-80gb, or its memory, e.g. 48GiB, or 16GiB,bf16=false for one without bf16. "
    f"[default: this machine's, else {_DEFAULT_GPU}]",
)
@click.option("--backend", metavar="NAME", help=f"Framework to compile for. [default: {_DEFAULT_BACKEND}]")
@click.option("--goal", type=click.Choice(GOALS), help="Kind of training. [default: by the layout of the data]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Recipe to write. [default: DATA.recipe.yaml, e.g. support.recipe.yaml for support.jsonl]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(
    model: str | None,
    data: Path | None,
    gpu: str | None,
    backend: str | None,
    goal: str | None,
    output: Path | None,
    force: bool,
) -> None:
    """Write a recipe for your data and GPU.

    The recipe has no lint errors or warnings and fits the GPU; comments in it give the reasons for its values. On a
    terminal, `init` asks for the settings that you do not pass as options.

    Example: recipes init --data data/support.jsonl --gpu rtx-4090
    """
    if output:
        _exit_if_exists(output, force)
    folder = output.parent if output else Path()
    check_model = partial(_check_model, folder=folder)
    model = _read_or_exit(check_model, model) if model else ask_until_valid("Model", DEFAULT_MODEL, check_model)
    file = _read_or_exit(_read_data, str(data)) if data else ask_until_valid("Training data (a file)", None, _read_data)
    if not output:
        output = Path(f"{file.name.partition('.')[0] or 'new'}.recipe.yaml")
        _exit_if_exists(output, force)
    here = [] if gpu else _detect_gpus()
    found = (
        _read_or_exit(_read_gpu, gpu)
        if gpu
        else ask_until_valid("GPU", here[0].name if here else _DEFAULT_GPU, _read_gpu)
    )
    chosen = get_backend_or_exit(backend) if backend else ask_until_valid("Framework", _DEFAULT_BACKEND, _read_backend)
    wish = _build_request(model, file, found, chosen, goal)
    if not gpu:
        wish = replace(wish, gpu_source=_describe_gpu_source(here, wish.gpu.name), gpus=here.count(wish.gpu) or 1)
    made = _draft_or_exit(wish, output.parent)
    _write_recipe(output, made.text)
    from qwen_recipes.estimate.fit_labels import FIT_LABELS

    e = made.estimate
    size = f"{e.peak / GIB:.1f} of {e.usable / GIB:.1f} GiB"
    if wish.gpu_source.startswith(_ASSUMED):
        print_stderr(
            f"recipes: no known GPU found on this machine, assuming {wish.gpu.name}; choose another with --gpu"
        )
    print_stderr(f"{output}: {FIT_LABELS[e.check_fit()]} {wish.gpu.name}, estimated at {size}")
    print_stderr(f"Train it: recipes run {output}")


def _exit_if_exists(output: Path, force: bool) -> None:
    if output.exists() and not force:
        exit_with_error(f"{output} exists; use --force to overwrite it, or -o to write another file", ExitCode.USAGE)


def ask_until_valid(question: str, default: str | None, read: Callable[[str], Answer]) -> Answer:
    """The answer as `read` returns it, asked again while `read` raises click.UsageError.

    Without a terminal it is the default's, or the command exits with 2.
    """
    if sys.stdin.isatty():
        answer: Answer = click.prompt(question, default=default, err=True, value_proc=read)
        return answer
    if default is None:
        exit_with_error("no training data given: add --data FILE", ExitCode.USAGE)
    return _read_or_exit(read, default)


def _read_or_exit(read: Callable[[str], Answer], text: str) -> Answer:
    try:
        return read(text)
    except click.UsageError as error:
        exit_with_error(error.message, ExitCode.USAGE)


def _check_model(name: str, folder: Path) -> str:
    """The name, if the model is known. Raises click.UsageError."""
    from qwen_recipes.qwen.models import ModelFolderError, UnknownModelError, get_model_facts

    try:
        get_model_facts(name, folder)
    except (UnknownModelError, ModelFolderError) as error:
        raise click.UsageError(str(error)) from error
    return name


def _read_data(name: str) -> Path:
    """Raises click.UsageError."""
    if not (path := Path(name)).is_file():
        raise click.UsageError(f"{path} does not exist or is not a file")
    return path


def _read_gpu(name: str) -> GpuModel:
    """Raises click.UsageError."""
    from qwen_recipes.gpus.catalogue import UnknownGpuError, parse_gpu

    try:
        return parse_gpu(name)
    except UnknownGpuError as error:
        raise click.UsageError(f"unknown GPU `{name}`: {error}") from error


def _read_backend(name: str) -> Backend:
    """Raises click.UsageError."""
    from qwen_recipes.backends import UnknownBackendError, load_backend_version

    try:
        return load_backend_version(name)
    except UnknownBackendError as error:
        raise click.UsageError(str(error.args[0])) from error


def _detect_gpus() -> list[GpuModel]:
    """The GPUs of this machine that the catalogue has, one for each."""
    from qwen_recipes.environments.gpu import detect_gpus
    from qwen_recipes.gpus.catalogue import identify_gpu

    found = (identify_gpu(gpu.name, gpu.memory / 1024) for gpu in detect_gpus())
    return [gpu for gpu in found if gpu is not None]


def _describe_gpu_source(here: list[GpuModel], name: str) -> str:
    """What the recipe says of a GPU that was not named on the command line."""
    if any(gpu.name == name for gpu in here):
        return "found on this machine"
    return f"{_ASSUMED}: no known GPU was found" if name == _DEFAULT_GPU else "your answer"


def _build_request(model: str, data: Path, gpu: GpuModel, backend: Backend, goal: str | None) -> StarterRequest:
    from qwen_recipes.compile.starter_recipe import StarterRequest

    return StarterRequest(model, data, gpu, backend, _GOAL_OBJECTIVES[goal] if goal else None)


def _draft_or_exit(request: StarterRequest, folder: Path) -> StarterRecipe:
    from qwen_recipes.compile.starter_recipe import NoStarterRecipeError, make_starter_recipe

    try:
        return make_starter_recipe(request, folder)
    except NoStarterRecipeError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except RecipeError as error:
        exit_with_error(
            "no recipe was written: " + "\n  ".join(map(_describe_finding, error.findings)), ExitCode.INVALID_INPUT
        )
    except OSError as error:
        exit_with_error(f"{error.filename or folder}: cannot read or write: {error.strerror}", ExitCode.USAGE)


def _describe_finding(finding: Finding) -> str:
    """A finding about a recipe that was not written, so without a place in it."""
    return "; ".join(part for part in (finding.message, finding.why, finding.suggestion) if part)


def _write_recipe(output: Path, text: str) -> None:
    from qwen_recipes.filesystem.replace_file import replace_file

    try:
        replace_file(output, text, create_folder=False)
    except OSError as error:
        exit_with_error(f"{output}: cannot write: {error.strerror}", ExitCode.USAGE)
