"""The cells of trainer/cells.json as recipe files, and what is known to differ."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "trainer"
CELLS: list[dict[str, Any]] = json.loads((FOLDER / "cells.json").read_text("utf-8"))["cells"]


@dataclass(frozen=True)
class KnownDifference:
    """A field that differs at a framework's trainer in these cells, why, and who is to mend it."""

    backend: str
    field: str
    cells: tuple[str, ...]
    reason: str
    owner: str

    def matches(self, backend: str, cell: str, field: str) -> bool:
        """Whether this is what differs there."""
        return backend == self.backend and field == self.field and cell in self.cells


def read_known_differences() -> list[KnownDifference]:
    """The list beside the cells; each needs a reason and an owner."""
    entries = yaml.safe_load((FOLDER / "known_differences.yaml").read_text("utf-8")) or []
    return [KnownDifference(**{**entry, "cells": tuple(entry["cells"])}) for entry in entries]


def list_cells(backend: str, ci: bool) -> list[dict[str, Any]]:
    """The cells that a framework is tried on: those of every change, or all the others."""
    return [cell for cell in CELLS if backend in cell["backends"] and cell["ci"] is ci]


def write_cells(cells: list[dict[str, Any]], model: Path, adapter: Path, folder: Path) -> dict[str, Path]:
    """A recipe file for each cell, by its name, with the tiny model; its data and adapter lie beside it."""
    folder.mkdir(parents=True)
    (folder / "d").symlink_to(FOLDER / "d")
    (folder / "sft-adapter").symlink_to(adapter)
    files = {}
    for cell in cells:
        recipe = cell.get("recipe") or yaml.safe_load((FOLDER / cell["file"]).read_text("utf-8"))
        files[cell["name"]] = folder / f"{cell['name']}.yaml"
        text = yaml.safe_dump({**recipe, "model": str(model)}, sort_keys=False, allow_unicode=True)
        files[cell["name"]].write_text(text, "utf-8")
    return files
