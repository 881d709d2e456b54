"""The loss of a merged model beside that of its adapter, on examples of the run that trained it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error

if TYPE_CHECKING:
    from qwen_recipes.export.merge import MergeJob


def sample_examples_or_exit(run: Path, count: int) -> list[dict[str, list[int]]]:
    """Ids and labels of the first `count` examples that a run trained on; exits where its record has no such recipe."""
    from qwen_recipes.backends import load_backend
    from qwen_recipes.cli.verify_sample import exit_without_examples, read_or_exit
    from qwen_recipes.data.encoder import build_encoder
    from qwen_recipes.export.merge import find_run_folder
    from qwen_recipes.qwen.earlier_run import read_recorded_recipe
    from qwen_recipes.recipe.objective_formats import NEXT_TOKEN_OBJECTIVES
    from qwen_recipes.resolve import resolve
    from qwen_recipes.runs.record import read_record
    from qwen_recipes.verify.row_sample import sample_rows

    folder = find_run_folder(run)
    loaded, record = read_recorded_recipe(folder), read_record(folder)
    if loaded is None or record is None:
        exit_with_error(f"--compare-loss: {run} has no run.json of a run, whose data are compared", ExitCode.USAGE)
    plan = resolve(loaded, load_backend(record.backend["name"]))
    if not plan.objective.next_token:
        comparable = " and ".join(NEXT_TOKEN_OBJECTIVES)
        exit_with_error(
            f"--compare-loss: this run trained {plan.objective.type}; only {comparable} can be compared", ExitCode.USAGE
        )
    sample = read_or_exit(lambda: sample_rows(plan, loaded.folder, build_encoder(plan, loaded.folder), count))
    exit_without_examples(sample, sample.rows)
    return [{"ids": list(one.encoded.ids), "labels": list(one.encoded.labels)} for one in sample.rows]


def compare_or_warn(job: MergeJob, examples: list[dict[str, list[int]]], interpreter: Path) -> dict[str, object] | None:
    """The losses; None, with a warning, where they cannot be computed: the merged model is there all the same."""
    from qwen_recipes.export.merge import MergeFailedError, compare_losses

    try:
        return compare_losses(job, examples, interpreter)
    except MergeFailedError as error:
        print_stderr(f"recipes: the losses could not be compared: {error}")
        return None


def format_loss(loss: dict[str, Any], job: MergeJob) -> str:
    """One line: both losses and what they were computed on."""
    base = f"{job.quantization['bits']}-bit base" if job.quantization else "base"
    difference = loss["merged"] - loss["trained"]
    share = f" ({100 * math.expm1(difference):+.2f}% perplexity)" if math.isfinite(difference) else ""
    return (
        f"loss on {loss['examples']} training examples, {loss['tokens']} tokens: "
        f"{loss['trained']:.4f} adapter on its {base}, {loss['merged']:.4f} merged{share}"
    )
