"""`recipes merge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option, get_backend_or_exit

if TYPE_CHECKING:
    from qwen_recipes.export.merge import MergeJob

_COMBINE = ("cat", "svd", "linear", "ties", "dare_linear", "dare_ties")


@click.command("merge")
@click.argument("adapters", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ADAPTER...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.")
@click.option("--base", metavar="MODEL", help="Base model. [default: the one the first adapter was trained on]")
@click.option("--weight", "weights", multiple=True, type=float, metavar="W", help="Weight of each adapter, in order.")
@click.option(
    "--into", type=click.Choice(["base", "dequantized", "adapter"]), default="base", show_default=True,
    help="Merge into the base's own weights, into the weights as a quantized base had them, or into one adapter.",
)  # fmt: skip
@click.option("--combine", type=click.Choice(_COMBINE), help="How several adapters become one. [default: cat]")
@click.option("--rank", type=click.IntRange(1), metavar="N", help="Rank of the combination (svd).")
@click.option("--density", type=click.FloatRange(0, 1, min_open=True), help="Share of values kept (ties, dare).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of what DARE drops.")
@click.option("--dtype", type=click.Choice(["bfloat16", "float32"]), help="Data type. [default: the base's]")
@click.option("--backend", metavar="NAME", help="Framework in whose environment to merge. [default: any that is built]")
@click.option("--environment", type=click.Path(path_type=Path), metavar="DIR", help="Python environment to merge in.")
@format_option("text", "json")
def command(
    adapters: tuple[Path, ...],
    output: Path,
    base: str | None,
    weights: tuple[float, ...],
    into: str,
    combine: str | None,
    rank: int | None,
    density: float | None,
    seed: int,
    dtype: str | None,
    backend: str | None,
    environment: Path | None,
    form: str,
) -> None:
    """Merge adapters into their base model, or several adapters into one.

    ADAPTER is an adapter's folder, a checkpoint, or the output folder of a run; shards of FSDP and DeepSpeed are
    gathered. The model is written shard by shard, with the tokenizer, chat template and generation config. A folder
    that is not empty is never overwritten.

    `cat` is the exact weighted sum of the updates; for the other ways, what they lose is printed. DoRA adapters are
    merged one at a time.

    Example: recipes merge runs/support-bot -o runs/support-bot-merged
    """
    from qwen_recipes.export.merge import (
        MergeFailedError,
        MergeJob,
        find_adapter_folder,
        find_trained_base,
        format_losses,
        run_merge,
    )

    if weights and len(weights) != len(adapters):
        exit_with_error(f"{len(adapters)} adapters, but {len(weights)} --weight: give one for each", ExitCode.USAGE)
    _check_options(len(adapters), combine, rank, density)
    for folder in adapters:
        if not folder.is_dir():
            exit_with_error(f"{folder} is not a folder: name a run's output folder, or an adapter's", ExitCode.USAGE)
    try:
        folders = [find_adapter_folder(folder) for folder in adapters]
        trained = find_trained_base(adapters[0], folders[0])
        job = MergeJob(
            adapters=tuple(zip(folders, weights or [1.0] * len(folders), strict=True)),
            base=base or trained.base,
            revision=None if base else trained.revision,
            output=output,
            combine=combine or "cat",
            rank=rank,
            density=density,
            seed=seed,
            into=into,
            dtype=dtype,
            quantization=trained.quantization,
        )
        _check_dequantized(job)
        report = run_merge(job, _find_interpreter(backend, environment))
    except MergeFailedError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except OSError as error:
        exit_with_error(f"{error.filename or output}: {error.strerror}", ExitCode.USAGE)
    if form == "json":
        print_json({"output": str(output), **report})
        return
    if job.caveat:
        print_stderr(f"recipes: {job.caveat}")
    for line in format_losses(report["losses"], job.combine) if report.get("losses") else []:
        print_text(line)
    size = f", {report['bytes'] / 1e9:.2f} GB in {report['shards']} shards" if "bytes" in report else ""
    print_stderr(f"{output}: {report['weights']} weights changed{size}")


def _check_options(count: int, combine: str | None, rank: int | None, density: float | None) -> None:
    from qwen_recipes.recipe.composition.stages import COMBINE_FIELDS

    for name, value in (("rank", rank), ("density", density)):
        if value is not None and combine not in COMBINE_FIELDS[name]:
            exit_with_error(f"--{name} applies to --combine {' or '.join(COMBINE_FIELDS[name])}", ExitCode.USAGE)
    if count == 1 and combine not in (None, "cat"):
        exit_with_error(f"--combine {combine} needs several adapters", ExitCode.USAGE)


def _check_dequantized(job: MergeJob) -> None:
    if job.into == "dequantized" and job.quantization is None:
        exit_with_error(
            "--into dequantized: the base of this adapter was not quantized, or its run has no run.json that says how",
            ExitCode.USAGE,
        )


def _find_interpreter(backend: str | None, environment: Path | None) -> Path:
    """The Python to merge with: of the folder named, else of a framework's environment that is built."""
    from qwen_recipes.environments.environment import list_environments

    if environment is not None:
        python = environment / "bin" / "python"
        if not python.is_file():
            exit_with_error(f"{environment} is not a Python environment: it has no bin/python", ExitCode.USAGE)
        return python
    if backend is not None:
        get_backend_or_exit(backend)
    for one in list_environments():
        if one.ready and backend in (None, one.backend):
            return one.interpreter
    name = backend or "NAME"
    exit_with_error(
        f"no environment to merge in: recipes env create {name}, or name one with --environment", ExitCode.ENVIRONMENT
    )
