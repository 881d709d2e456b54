"""`recipes doctor`: what this machine has for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_text
from qwen_recipes.cli.options_and_exits import load_backends_and_warn
from qwen_recipes.sizes import format_gib

if TYPE_CHECKING:
    from qwen_recipes.environments.doctor import EnvironmentState, MachineReport

ENVIRONMENT_FAILED = 4


@click.command("doctor")
@click.option("--backend", metavar="NAME", help="Exit with code 4 unless this framework's environment works.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with the environments. [default: the user's cache folder]",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output format."
)
def command(backend: str | None, root: Path | None, form: str) -> None:
    """Check this machine: Python, uv, GPUs, memory, disk, and the frameworks' environments."""
    from qwen_recipes.backends import load_backend
    from qwen_recipes.environments.doctor import examine_machine

    try:
        chosen = [load_backend(backend)] if backend else load_backends_and_warn()
    except LookupError as error:
        raise click.UsageError(str(error.args[0]) if error.args else f"unknown backend {backend}") from error
    report = examine_machine(chosen, root)
    if form == "json":
        print_json(report.as_dict())
    else:
        print_text(_format_report(report))
    if backend and not report.has_usable_environment(chosen[0].name):
        raise SystemExit(ENVIRONMENT_FAILED)


def _format_report(report: MachineReport) -> str:
    lines = [
        f"Python       {report.python} ({report.executable})",
        f"uv           {report.uv or 'not found; environments are built with venv and pip'}",
        *(f"GPU          {gpu.name}, {gpu.memory / 1024:.0f} GiB, driver {gpu.driver}" for gpu in report.gpus),
        *([] if report.gpus else ["GPU          none found; environments use the CPU build of torch"]),
        *([f"CUDA         up to {report.cuda} (driver)"] if report.cuda else []),
        *([f"memory       {format_gib(report.memory, 0)}"] if report.memory else []),
        f"disk         {format_gib(report.free_disk, 0)} free in {report.root}",
    ]
    return "\n".join([*lines, "", *(line for state in report.environments for line in _format_environment(state))])


def _format_environment(state: EnvironmentState) -> list[str]:
    from qwen_recipes.backends.flash_attention import format_create_command

    extra = "".join(f", with {name}" for name in state.additional)
    lines = [f"{state.backend} {state.version}, {state.device}, Python {state.python}{extra}: {state.state}"]
    if state.versions:
        lines.append("  " + ", ".join(f"{name} {version}" for name, version in state.versions.items()))
    if state.folder and state.state != "missing":
        lines.append(f"  {state.folder}")
    if state.problem:
        lines.append(f"  {state.problem}")
    if not state.usable:
        lines.append(f"  {format_create_command(state.backend, state.device, state.additional)}")
    return lines
