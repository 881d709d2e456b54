"""The cells of research/measurements/two_gpu_memory_cells.json, what was said of them, and what was measured."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qwen_recipes.estimate.estimate import Estimate
from research.measurements.predict_two_gpu_memory import OUT as CELLS
from research.measurements.predict_two_gpu_memory import estimate_cell

RESULTS = CELLS.parent / "results" / "two_gpu_memory.jsonl"


@dataclass(frozen=True)
class TwoGpuCell:
    """A cell that trained."""

    cell: dict[str, Any]
    result: dict[str, Any]
    estimate: Estimate

    @property
    def reserves_as_today(self) -> bool:
        """Whether the allocator's segments grew, as run.sh asks for since the first set."""
        return bool(self.result.get("expandable"))

    @property
    def error(self) -> float:
        """Of the reserved peak, as it was said before it was measured."""
        return float(self.cell["said"]["peak"] / self.result["peak_reserved"] - 1)

    @property
    def error_now(self) -> float:
        """The same of today's estimate."""
        return self.estimate.peak / float(self.result["peak_reserved"]) - 1


@cache
def load_two_gpu_cells() -> tuple[TwoGpuCell, ...]:
    """Those that were measured, in the order of the list."""
    results = {line["id"]: line for line in map(json.loads, RESULTS.read_text("utf-8").splitlines())}
    cells = [cell for cell in json.loads(CELLS.read_text("utf-8")) if cell["id"] in results]
    with tempfile.TemporaryDirectory() as scratch:
        return tuple(TwoGpuCell(cell, results[cell["id"]], estimate_cell(cell, Path(scratch))) for cell in cells)
