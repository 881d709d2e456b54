"""An output folder that is in the way of the data, the model or an adapter that a run starts from."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import DataPlan
from qwen_recipes.data.rows.output_overlap import find_first_overlap
from qwen_recipes.data.source_files import list_source_files
from qwen_recipes.resolve.decisions import PlanDecisions


def check_output_overlap(data: DataPlan, output_dir: str, folder: Path, decisions: PlanDecisions) -> None:
    """Report an output folder at or above a source, or in a folder of rows. `folder` is the recipe's."""
    for source in (*data.train, *data.validation):
        if source.path is None:
            continue
        files = list_source_files(source.path, folder)
        found = find_first_overlap([folder / source.path, *files], folder / output_dir)
        if found:
            decisions.report_problem(
                ("output", "dir"),
                f"`output.dir: {output_dir}` {found[1]} {source.path}",
                "a separate folder, e.g. runs/first",
                "the run writes data and checkpoints there, which would overwrite the data or be read as data",
            )
            return
