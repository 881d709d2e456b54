"""What was measured: cells.json says what and which of it is held out, results.jsonl what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.registry import REGISTRY

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Measured:
    """One cell and its result. `reserved` is the allocator's peak in bytes, 0 where the cell ran out of memory."""

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
    def reserved(self) -> float:
        """Peak reserved bytes."""
        return float(self.result.get("peak_reserved") or 0)

    @property
    def tokens_per_second(self) -> float:
        """Tokens a second over the steps after the first; 0 where it did not train."""
        return float(self.result.get("tokens_per_s") or 0)

    @property
    def gpu(self) -> str:
        """The GPU's name in the catalogue."""
        return "h200" if "H200" in str(self.result.get("gpu", "")) else "h100"


def cells() -> list[dict[str, Any]]:
    """Every cell that is to be measured."""
    found: list[dict[str, Any]] = json.loads((HERE / "cells.json").read_text("utf-8"))
    return found


def measured_cells() -> list[Measured]:
    """Cells with a result that says something, in the order of cells.json."""
    file = HERE / "results.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    results = {result["id"]: result for result in map(json.loads, lines)}
    known = ("trained", "out of memory")
    return [Measured(c, results[c["id"]]) for c in cells() if results.get(c["id"], {}).get("outcome") in known]
