"""`recipes env`: build, list and remove the frameworks' environments."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.backends.base import Backend
from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.progress import StepPrinter
from qwen_recipes.cli.tables import print_table

if TYPE_CHECKING:
    from qwen_recipes.environments.environment import Environment

ENVIRONMENT_FAILED = 4
ROOT_OPTION = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with the environments. [default: the user's cache folder]",
)


@click.group("env")
def command() -> None:
    """Create, list and remove the frameworks' Python environments.

    Each framework, and mergekit, is installed from a lock file into its own environment.
    """


@command.command("create", short_help="Build a framework's environment, or complete it.")
@click.argument("backend")
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    help="Build of torch. [default: cuda if an NVIDIA GPU is found, else cpu]",
)
@ROOT_OPTION
@click.option(
    "--python",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Python interpreter to build with. [default: a matching one, found or downloaded by uv]",
)
@click.option("--torch-index", metavar="URL", help="Package index for torch only. [env: QWEN_RECIPES_TORCH_INDEX]")
@click.option(
    "--torch-hash",
    "torch_hashes",
    multiple=True,
    metavar="SHA256",
    help="Also accept a build of torch with this hash, e.g. one for another CUDA version.",
)
@click.option(
    "--with",
    "additional",
    multiple=True,
    metavar="NAME",
    help="Also install this package: flash-attn, flash-attn-4 or kernels. Repeatable; creates a separate environment.",
)
@click.option(
    "--gpu", metavar="NAME", help="GPU that the packages of --with have to support. [default: this machine's]"
)
@click.option("--recreate", is_flag=True, help="Rebuild, even if the environment is ready.")
@click.option("--dry-run", is_flag=True, help="Print what would be installed, and stop.")
@click.option("-q", "--quiet", is_flag=True, help="Print no progress.")
def create_command(
    backend: str,
    device: str | None,
    root: Path | None,
    python: Path | None,
    torch_index: str | None,
    torch_hashes: tuple[str, ...],
    additional: tuple[str, ...],
    gpu: str | None,
    recreate: bool,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Create the environment of BACKEND, or with `all` of every framework that has a lock file for the device.

    BACKEND may also be `mergekit`, which `recipes merge` uses to merge whole models on the CPU.

    Every package is installed at its locked version, and only if the SHA-256 of its file is recorded with the lock. Run
    the command again to complete an interrupted installation. Prints the environment's folder.

    An environment created with --with is kept separately from the plain one; `recipes run` uses the one that has
    what the recipe needs.
    """
    from qwen_recipes.environments.additional_plan import describe_creation, explain_missing_compiler
    from qwen_recipes.environments.environment import MissingEnvironmentError
    from qwen_recipes.environments.install import EnvironmentBuildError, build_environment

    progress = StepPrinter(quiet=quiet)
    accepted = _parse_hashes(torch_hashes)
    for name, find_environment in _select_environments(backend, device, root, additional, gpu):
        try:
            environment = find_environment()
            if dry_run:
                print_text("\n".join(describe_creation(environment)))
                continue
            if not environment.ready and (why := explain_missing_compiler(environment)):
                raise EnvironmentBuildError(why)
            build_environment(environment, progress, torch_index, recreate, python, accepted)
        except (EnvironmentBuildError, MissingEnvironmentError) as error:
            progress.end()
            _exit_build_failed(name, error)
        progress.end()
        print_text(str(environment.folder))


@command.command("list", short_help="List environments with their state.")
@ROOT_OPTION
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output format."
)
def list_command(root: Path | None, form: str) -> None:
    """List the environments that can be created on this machine, and any others that exist."""
    from qwen_recipes.backends import load_backends
    from qwen_recipes.environments.doctor import list_environment_states
    from qwen_recipes.environments.environment import default_root
    from qwen_recipes.environments.program_environments import PROGRAMS

    states = list_environment_states(load_backends(), root or default_root(), PROGRAMS)
    if form == "json":
        print_json([asdict(state) for state in states])
        return
    head = ("framework", "version", "device", "python", "with", "state", "folder")
    rows = [
        (one.backend, one.version, one.device, one.python, " ".join(one.additional), one.state, str(one.folder))
        for one in states
    ]
    print_table(head, rows)


@command.command("remove", short_help="Remove a framework's environments.")
@click.argument("backend")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Remove only the environment for this device.")
@ROOT_OPTION
def remove_command(backend: str, device: str | None, root: Path | None) -> None:
    """Remove the environments of BACKEND, or of `all`, including unfinished and outdated ones."""
    from qwen_recipes.environments.environment import READY_MARKER, list_environments
    from qwen_recipes.environments.program_environments import PROGRAMS

    names = {backend} if backend in PROGRAMS else {chosen.name for chosen in _select_backends(backend)}
    names |= {*PROGRAMS} if backend == "all" else set()
    found = [one for one in list_environments(root) if one.backend in names and device in (None, one.device)]
    for environment in found:
        (environment.folder / READY_MARKER).unlink(missing_ok=True)
        shutil.rmtree(environment.folder)
        print_text(f"removed {environment.folder}")
    if not found:
        print_stderr(f"recipes: there is no environment of {backend} to remove; `recipes env list` lists them")


def _select_environments(
    name: str, device: str | None, root: Path | None, additional: tuple[str, ...], gpu: str | None
) -> list[tuple[str, Callable[[], Environment]]]:
    """What to create: names, and what finds each environment. Exits with 2 where it cannot be made so."""
    from qwen_recipes.environments.environment import get_managed_environment
    from qwen_recipes.environments.program_environments import PROGRAMS, get_program_environment

    if name in PROGRAMS:
        if device == "cuda" or additional or gpu:
            raise click.UsageError(f"--device cuda, --with and --gpu are for frameworks; {name} runs on the CPU")
        return [(name, partial(get_program_environment, name, root))]
    selected = _select_backends(name)
    _refuse_unfit_packages(selected, additional, device, gpu)
    return [
        (chosen.name, partial(get_managed_environment, chosen, device, root, additional))
        for chosen in selected
        if name != "all" or _has_lock(chosen, device)
    ]


def _refuse_unfit_packages(
    backends: list[Backend], names: tuple[str, ...], device: str | None, gpu: str | None
) -> None:
    """Exit 2 where a package cannot be added to one of the frameworks, on this device and GPU."""
    from qwen_recipes.environments.additional_plan import find_machine_gpu, find_unfit_packages
    from qwen_recipes.environments.gpu import detect_device
    from qwen_recipes.gpus.catalogue import UnknownGpuError, get_gpu_model

    try:
        model = get_gpu_model(gpu) if gpu else None
    except UnknownGpuError as error:
        raise click.UsageError(f"unknown GPU `{gpu}`: {error}") from error
    if names:
        target = device or detect_device()
        model = model or (find_machine_gpu() if target == "cuda" else None)
        if problems := [line for one in backends for line in find_unfit_packages(one, names, target, model)]:
            raise click.UsageError("\n".join(dict.fromkeys(problems)))


def _has_lock(backend: Backend, device: str | None) -> bool:
    from qwen_recipes.environments.gpu import detect_device

    return any(backend.lock_folder().glob(f"{device or detect_device()}-*.lock"))


def _select_backends(name: str) -> list[Backend]:
    from qwen_recipes.backends import load_backend, load_backends

    find: Callable[[str], Backend] = load_backend
    try:
        return list(load_backends()) if name == "all" else [find(name)]
    except LookupError as error:
        raise click.UsageError(str(error.args[0]) if error.args else f"unknown backend {name}") from error


def _parse_hashes(values: tuple[str, ...]) -> list[str]:
    """SHA-256 in hexadecimal, with or without `sha256:` before it; exits where a value is none."""
    from qwen_recipes.environments.hashes import SHA256

    found = [SHA256.fullmatch(value.lower()) for value in values]
    if None in found:
        raise click.UsageError("--torch-hash takes a SHA-256: 64 hexadecimal digits, as `pip hash FILE` prints it")
    return [match[1] for match in found if match]


def _exit_build_failed(name: str, error: Exception) -> None:
    print_stderr(f"recipes: cannot build the environment of {name}\n{error}")
    if log := getattr(error, "log", None):
        print_stderr(f"full log: {log}")
    raise SystemExit(ENVIRONMENT_FAILED)
