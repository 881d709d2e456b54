"""What was measured: cells.json says what and which of it is held out, results.jsonl what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.registry import REGISTRY

MEASURED_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class MeasuredCell:
    """One cell and its result. `peak_reserved` is the allocator's peak in bytes, 0 where the cell ran out of memory."""

    cell: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def split(self) -> str:
        """`fitted` or `held-out`."""
        return str(self.cell["split"])

    @property
    def outcome(self) -> str:
        """`trained` or `out of memory`."""
        return str(self.result["outcome"])

    @property
    def facts(self) -> ModelFacts:
        """The model's shape."""
        return REGISTRY[f"Qwen/Qwen3-{self.cell['size']}"]

    @property
    def peak_reserved(self) -> float:
        """Peak reserved bytes."""
        return float(self.result.get("peak_reserved") or 0)

    @property
    def tokens_per_second(self) -> float:
        """Tokens a second over the steps after the first; 0 where it did not train."""
        return float(self.result.get("tokens_per_second") or 0)

    @property
    def gpu(self) -> str:
        """The GPU's name in the catalogue."""
        return "h200" if "H200" in str(self.result.get("gpu", "")) else "h100"


def load_cells() -> list[dict[str, object]]:
    """Every cell that is to be measured."""
    found: list[dict[str, Any]] = json.loads((MEASURED_FOLDER / "cells.json").read_text("utf-8"))
    return found


def load_measured_cells() -> list[MeasuredCell]:
    """Cells with a result that says something, in the order of cells.json."""
    file = MEASURED_FOLDER / "results.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    results = {result["id"]: result for result in map(json.loads, lines)}
    known = ("trained", "out of memory")
    return [MeasuredCell(c, results[c["id"]]) for c in load_cells() if results.get(c["id"], {}).get("outcome") in known]
