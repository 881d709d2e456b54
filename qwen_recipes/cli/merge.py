"""`recipes merge`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwen_recipes.backends import list_backend_names, try_backend
from qwen_recipes.cli.console import format_count, print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option, get_backend_or_exit
from qwen_recipes.sizes import format_bytes

if TYPE_CHECKING:
    from qwen_recipes.export.merge import MergeJob

_COMBINE = ("cat", "svd", "linear", "ties", "dare_linear", "dare_ties")
_COMBINE_MODELS = ("slerp", "task_arithmetic")


@click.command("merge")
@click.argument("adapters", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ADAPTER...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.")
@click.option("--base", metavar="MODEL", help="Base model. [default: the one the first adapter was trained on]")
@click.option("--weight", "weights", multiple=True, type=float, metavar="W", help="Weight of each adapter, in order.")
@click.option(
    "--into", type=click.Choice(["base", "dequantized", "adapter"]), default="base", show_default=True,
    help="Merge into the base's original weights, a quantized base's dequantized weights, or one adapter.",
)  # fmt: skip
@click.option(
    "--combine",
    type=click.Choice([*_COMBINE, *_COMBINE_MODELS]),
    help="How to combine several adapters or models. [default: cat; linear for models]",
)
@click.option("--rank", type=click.IntRange(1), metavar="N", help="Rank of the combined adapter (svd).")
@click.option(
    "--density",
    metavar="SHARE",
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of values kept (ties, dare).",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed for the values that DARE drops.",
)
@click.option("--dtype", type=click.Choice(["bfloat16", "float32"]), help="Data type. [default: the base's]")
@click.option(
    "--compare-loss", "examples", type=click.IntRange(1, 1000), metavar="N",
    help="Compare the loss of the adapter and of the merged model on the run's first N examples; loads both models.",
)  # fmt: skip
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
    examples: int | None,
    backend: str | None,
    environment: Path | None,
    form: str,
) -> None:
    """Merge adapters into their base model, several adapters into one, or whole models.

    ADAPTER is an adapter's folder, a checkpoint, or the output folder of a run; FSDP and DeepSpeed shards are gathered.
    The model is written shard by shard, with the tokenizer, chat template and generation config. A folder that is not
    empty is never overwritten.

    `cat` is the exact weighted sum of the updates; the other methods are approximations, and their error is printed.
    DoRA adapters are merged one at a time.

    Whole models are merged by mergekit, which needs its own environment: `recipes env create mergekit`

    Example: recipes merge runs/support-bot -o runs/support-bot-merged
    """
    from qwen_recipes.cli.merge_loss import compare_or_warn, sample_examples_or_exit
    from qwen_recipes.cli.merge_models import find_models_or_exit, run_model_merge
    from qwen_recipes.export.merge import (
        MergeFailedError,
        MergeJob,
        MergeRoomError,
        find_adapter_folder,
        find_trained_base,
        run_merge,
    )
    from qwen_recipes.export.merge_models import ModelMerge

    _check_numbers(len(adapters), weights, density)
    if examples and (len(adapters) > 1 or into == "adapter" or weights not in ((), (1.0,))):
        exit_with_error("--compare-loss needs one adapter, whole, merged into a model", ExitCode.USAGE)
    for folder in adapters:
        if not folder.is_dir():
            exit_with_error(f"{folder} is not a folder: name a run's output folder, or an adapter's", ExitCode.USAGE)
    if models := find_models_or_exit(adapters):
        if rank or examples or into != "base" or backend:
            exit_with_error("--rank, --into, --compare-loss and --backend are for adapters, not models", ExitCode.USAGE)
        pairs = tuple(zip(models, weights or [1.0] * len(models), strict=True))
        run_model_merge(ModelMerge(pairs, combine or "linear", output, base, density, seed, dtype), environment, form)
        return
    _check_options(len(adapters), combine, rank, density)
    try:
        folders = [find_adapter_folder(folder) for folder in adapters]
        trained = find_trained_base(adapters[0], folders[0], base)
        job = MergeJob(
            adapters=tuple(zip(folders, weights or [1.0] * len(folders), strict=True)),
            base=trained.require_readable(),
            revision=trained.revision,
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
        rows = sample_examples_or_exit(adapters[0], examples) if examples else []
        interpreter = _find_interpreter(backend, environment, adapters[0])
        report = run_merge(job, interpreter)
        loss = compare_or_warn(job, rows, interpreter) if rows else None
    except MergeRoomError as error:
        exit_with_error(str(error), ExitCode.DOES_NOT_FIT)
    except MergeFailedError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except OSError as error:
        exit_with_error(f"{error.filename or output}: {error.strerror}", ExitCode.USAGE)
    if form == "json":
        print_json({"output": str(output), **report, **({"loss": loss} if loss else {})})
    else:
        _print_report(job, report, loss)


def _print_report(job: MergeJob, report: dict[str, Any], loss: dict[str, Any] | None) -> None:
    """What was written, what was lost by combining, and both losses where they were compared."""
    from qwen_recipes.cli.merge_loss import format_loss
    from qwen_recipes.export.merge import format_losses
    from qwen_recipes.export.server_commands import TOO_LARGE, format_server_command

    if job.caveat:
        print_stderr(f"recipes: {job.caveat}")
    for line in format_losses(report["losses"], job.combine) if report.get("losses") else []:
        print_text(line)
    if loss:
        print_text(format_loss(loss, job))
    size = f", {format_bytes(report['bytes'])} in {report['shards']} shards" if "bytes" in report else ""
    size += f", {format_bytes(report['peak_bytes'])} of memory" if report.get("peak_bytes") else ""
    print_stderr(f"{job.output}: {format_count(report['weights'], 'weight')} changed{size}")
    if job.into == "adapter":
        print_stderr(f"serve it: {format_server_command(job.base, job.output, report['rank']) or TOO_LARGE}")


def _check_numbers(count: int, weights: tuple[float, ...], density: float | None) -> None:
    if weights and len(weights) != count:
        exit_with_error(f"{count} folders, but {len(weights)} --weight: give one for each", ExitCode.USAGE)
    if not all(map(math.isfinite, weights)) or (density is not None and not math.isfinite(density)):
        exit_with_error("--weight and --density take finite numbers", ExitCode.USAGE)


def _check_options(count: int, combine: str | None, rank: int | None, density: float | None) -> None:
    from qwen_recipes.recipe.composition.merge_options import COMBINE_FIELDS

    for name, value in (("rank", rank), ("density", density)):
        if value is not None and combine not in COMBINE_FIELDS[name]:
            exit_with_error(f"--{name} applies to --combine {' or '.join(COMBINE_FIELDS[name])}", ExitCode.USAGE)
    if combine in _COMBINE_MODELS:
        given = "one folder was given" if count == 1 else "these folders hold adapters"
        exit_with_error(f"--combine {combine} merges two or more whole models; {given}", ExitCode.USAGE)
    if count == 1 and combine not in (None, "cat"):
        exit_with_error(f"--combine {combine} needs several adapters", ExitCode.USAGE)


def _check_dequantized(job: MergeJob) -> None:
    if job.into == "dequantized" and job.quantization is None:
        exit_with_error(
            "--into dequantized: the base of this adapter was not quantized, or its run has no run.json that says how",
            ExitCode.USAGE,
        )


def _find_interpreter(backend: str | None, environment: Path | None, run: Path) -> Path:
    """The Python to merge with: of the folder or framework named, else of the run's framework, else of any."""
    from qwen_recipes.export.merge import find_run_folder
    from qwen_recipes.runs.record import read_record

    if environment is not None:
        python = environment / "bin" / "python"
        if not python.is_file():
            exit_with_error(f"{environment} is not a Python environment: it has no bin/python", ExitCode.USAGE)
        return python
    if backend is not None:
        names = [get_backend_or_exit(backend).name]
    else:
        record = read_record(find_run_folder(run))
        names = [*([record.backend["name"]] if record else []), *list_backend_names()]
    for name in names:
        if found := _find_managed_interpreter(name):
            return found
    name = backend or "NAME"
    exit_with_error(
        f"no environment to merge in: run `recipes env create {name}`, or name one with --environment",
        ExitCode.ENVIRONMENT,
    )


def _find_managed_interpreter(name: str) -> Path | None:
    """The Python of a framework's environment that is built, for this machine's device or the CPU; None without one."""
    from qwen_recipes.environments.environment import MissingEnvironmentError, get_managed_environment

    backend = try_backend(name)
    if isinstance(backend, str):
        return None
    for device in (None, "cpu"):
        try:
            environment = get_managed_environment(backend, device)
        except MissingEnvironmentError:
            continue
        if environment.ready:
            return environment.interpreter
    return None
