"""Draw the recipes that are tried at the trainer: every pair of settings, in tests/conformance/trainer/cells.json.

The cases that lie beside that file (`*.yaml`) come first. `ci` marks those that every change is tried on: the cases,
and then cells until every optimizer, scheduler, objective and method has been there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.trainer_cells.covering_array import Row, draw_rows
from tools.trainer_cells.factors import FACTORS, is_allowed
from tools.trainer_cells.recipes import make_recipe

FOLDER = Path(__file__).parents[1] / "tests" / "conformance" / "trainer"
CELLS_IN_CI = 40
ONCE_IN_CI = ("optimizer", "scheduler", "objective", "method")
SEED = 15


def draw_cells(cases: Sequence[str], seed: int = SEED) -> dict[str, Any]:
    """The file's content: cells in order, and the pairs that no recipe can hold."""
    rows, forbidden = draw_rows(FACTORS, is_allowed, seed)
    in_ci = _choose_for_ci(rows, CELLS_IN_CI - len(cases))
    cells: list[dict[str, Any]] = [{"name": case, "ci": True, "file": f"{case}.yaml"} for case in cases]
    for number, row in enumerate(rows):
        name = f"cell-{number:03}"
        cells.append({"name": name, "ci": number in in_ci, "recipe": make_recipe(name, row)})
    return {"seed": seed, "cells": cells, "forbidden_pairs": len(forbidden)}


def _choose_for_ci(rows: Sequence[Row], count: int) -> set[int]:
    """Rows that have every level of the most telling factors, then the first others."""
    chosen: set[int] = set()
    missing = {(name, level) for name in ONCE_IN_CI for level in FACTORS[name]}
    while missing and len(chosen) < count:
        best = max(range(len(rows)), key=lambda n: len(missing & {(name, rows[n][name]) for name in ONCE_IN_CI}))
        chosen.add(best)
        missing -= {(name, rows[best][name]) for name in ONCE_IN_CI}
    rest = [number for number in range(len(rows)) if number not in chosen]
    return chosen | set(rest[: max(0, count - len(chosen))])


def render_cells() -> str:
    """The text of cells.json: one cell a line."""
    found = draw_cells(sorted(file.stem for file in FOLDER.glob("*.yaml")))
    lines = ",\n".join(json.dumps(cell, ensure_ascii=False, sort_keys=True) for cell in found.pop("cells"))
    return json.dumps(found)[:-1] + ', "cells": [\n' + lines + "\n]}\n"


def main() -> None:
    """Write the file, or with --check tell whether it is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 where the file is not what would be written")
    check = parser.parse_args().check
    file, text = FOLDER / "cells.json", render_cells()
    if not check:
        file.write_text(text, "utf-8")
    elif not file.is_file() or file.read_text("utf-8") != text:
        sys.exit(f"{file} is not current: run python -m tools.draw_trainer_cells")


if __name__ == "__main__":
    main()
