"""An output folder that is in the way of the data, the model or an adapter that a run starts from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qwen_recipes.backends.plan import DataPlan
from qwen_recipes.data.rows.output_overlap import find_first_overlap, find_overlap
from qwen_recipes.data.source_files import list_source_files
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.resolve.decisions import PlanDecisions

_DATA = "the run writes data and checkpoints there, which would overwrite the data or be read as data"
_WEIGHTS = "the run writes weights and checkpoints there, which would overwrite those that it starts from"


def check_output_overlap(
    data: DataPlan, starts: Iterable[str | None], output_dir: str, folder: Path, decisions: PlanDecisions
) -> None:
    """Report an output folder at or above a source, or in a folder of rows. `folder` is the recipe's.

    `starts` are the model and the adapter that the run starts from, of which those that are folders count.
    """
    output = folder / output_dir
    for source in (*data.train, *data.validation):
        if source.path is None:
            continue
        files = dict.fromkeys((folder / source.path, *list_source_files(source.path, folder)))
        if found := find_first_overlap(files, output):
            _report(output_dir, found[1], source.path, _DATA, decisions)
            return
    for start in starts:
        place = folder / expand_home(start) if start else None
        if start and place and place.is_dir() and (how := find_overlap(place, output, holds_rows=False)):
            _report(output_dir, how, start, _WEIGHTS, decisions)
            return


def _report(output_dir: str, how: str, source: str, why: str, decisions: PlanDecisions) -> None:
    message = f"`output.dir: {output_dir}` {how} {source}"
    decisions.report_problem(("output", "dir"), message, "a separate folder, e.g. runs/first", why)
