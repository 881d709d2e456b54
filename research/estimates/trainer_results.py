"""Cells of the four trainers beside their plans and results (qwen_recipes/estimate/measured/trainer_*)."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate.estimate import Estimate, TrainingRows, estimate_plan
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve
from research.measurements.random_models import facts_for_shape
from research.measurements.trainer_cell_recipes import OVERHEAD, count_rows, draw_lengths, write_recipe
from research.measurements.write_shapes import write_shape

MEASURED = Path(__file__).resolve().parents[2] / "qwen_recipes/estimate/measured"
STANDS_FOR = {"trl": "llamafactory"}
"""Whose plan cells of the first sets have, unless they were measured again: TRL ran without our templates."""


@dataclass(frozen=True)
class TrainerCell:
    """A cell with its plan, and its result where it was measured: as its set judged it, and the last one."""

    cell: dict[str, Any]
    plan: Plan
    facts: ModelFacts
    rows: TrainingRows
    result: dict[str, Any] | None
    latest: dict[str, Any] | None

    @property
    def reserves_as_today(self) -> bool:
        """Whether what was reserved last is that of an allocator whose segments grow, as run.sh asks for since."""
        return bool(self.latest and self.latest.get("expandable"))

    @property
    def quietest(self) -> dict[str, Any] | None:
        """The result whose machine was less busy: the one that judged, where there is one."""
        return self.result or self.latest

    @property
    def shapes_constants(self) -> bool:
        """Whether the constants were fitted on it, once it had judged the fit before (trainer_page.py)."""
        ended = self.result is None or self.result["outcome"] == "trained"
        return ended and self.cell["split"] in ("fitted", "judged", "second", "third")

    @property
    def trained(self) -> bool:
        """Whether it was measured and trained; GRPO's cells, whose lengths are drawn, shape no constant."""
        return self.latest is not None and self.latest["outcome"] == "trained" and "grpo" not in self.cell["id"]

    @cached_property
    def estimate(self) -> Estimate:
        """On the GPU that it was measured on."""
        return estimate_plan(self.plan, self.facts, get_gpu_model("h200"), self.rows)


def load_results() -> dict[str, list[dict[str, Any]]]:
    """The results of each cell, in the order of their measurement."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (MEASURED / "trainer_results.jsonl").read_text("utf-8").splitlines():
        result = json.loads(line)
        found.setdefault(result["id"], []).append(result)
    return found


def choose_judged(split: str, results: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The last result with the allocator that the set's predictions were made for."""
    grows = split.startswith("fourth")
    return next((r for r in reversed(results) if bool(r.get("expandable")) == grows), None)


@cache
def load_trainer_cells() -> tuple[TrainerCell, ...]:
    """All of them, in the order of the list."""
    results = load_results()
    cells = json.loads((MEASURED / "trainer_cells.json").read_text("utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        return tuple(_plan_cell(cell, Path(scratch), results.get(cell["id"], [])) for cell in cells)


def _plan_cell(cell: dict[str, Any], scratch: Path, results: list[dict[str, Any]]) -> TrainerCell:
    facts = facts_for_shape(cell["model"])
    model = write_shape(cell["model"], scratch / "models")
    recipe = write_recipe(cell, model, scratch / cell["id"])
    backend = cell["backend"]
    own = cell["split"].startswith(("second", "third", "fourth")) or len(results) > 1
    planned = backend if own else STANDS_FOR.get(backend, backend)
    plan = resolve(load_recipe(str(recipe)), load_backend(planned))
    lengths = tuple(length + OVERHEAD // 2 for length in draw_lengths(cell, count_rows(cell)))
    rows = TrainingRows(len(lengths), sum(lengths) / len(lengths), max(lengths), exact=True, lengths=lengths)
    judged = choose_judged(cell["split"], results)
    return TrainerCell(cell, replace(plan, backend=backend), facts, rows, judged, results[-1] if results else None)
