"""Draw the recipes that are tried at the trainer, for tests/conformance/trainer/cells.json.

Three kinds: the recipes that lie beside that file, each optimizer with full fine-tuning and with an adapter, over all
schedules, and for each framework a covering array: all pairs of settings that it is told. `ci` marks what every change
is tried on: the recipes that once showed a fault, and of each array the rows that hold most settings no other does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Hashable, Sequence, Set
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, get_args

from qwen_recipes.recipe.spec.training import Optimizer, Scheduler
from tests.conformance.trainer_rules import BACKEND_RULES
from tools.trainer_cells.covering_array import Row, draw_rows
from tools.trainer_cells.factors import FACTORS, LOW_RANK, is_allowed
from tools.trainer_cells.recipes import make_optimizer_recipe, make_recipe

FOLDER = Path(__file__).parents[1] / "tests" / "conformance" / "trainer"
BACKENDS = list(BACKEND_RULES)
FILES_IN_CI = (
    *("d1_dpo_dropout", "ep_epochs", "ex1", "lfpack", "mixpair", "r2_dpo_from", "r2_sft_from", "t_orpo", "t_reward"),
    *("turns", "qlora_dpo"),
)
"""Recipes beside the file in which a trainer once had something else than what was planned, and several turns."""
DRAWN_IN_CI = 5
"""Of each framework's covering array."""
SEED = 15
Setting = tuple[str, Hashable]
"""A factor and one of its levels."""

NO_RECIPES = ("known_differences", "refusals")
"""Other files of the folder."""


def draw_cells(files: Sequence[str], seed: int = SEED) -> dict[str, Any]:
    """The file's content: cells in order, and how many pairs no recipe can hold, by framework."""
    cells: list[dict[str, Any]] = [
        {"name": name, "ci": name in FILES_IN_CI, "backends": BACKENDS, "file": f"{name}.yaml"} for name in files
    ]
    cells += _list_optimizer_cells()
    forbidden = {}
    tried: set[Setting] = set()
    for backend in BACKENDS:
        rows, left = draw_rows(FACTORS, partial(is_allowed, rules=BACKEND_RULES[backend]), seed)
        forbidden[backend] = len(left)
        in_ci = choose_for_ci(rows, tried)
        tried |= {setting for number in in_ci for setting in rows[number].items()}
        cells += _list_drawn_cells(backend, rows, in_ci)
    return {"seed": seed, "forbidden_pairs": forbidden, "cells": cells}


def _list_optimizer_cells() -> list[dict[str, Any]]:
    pairs = [
        (optimizer, method)
        for optimizer in get_args(Optimizer)
        for method in ("full", "lora")
        if method == "full" or optimizer not in LOW_RANK
    ]
    return [
        {
            **{"name": f"{optimizer}_{method}", "ci": False, "backends": BACKENDS},
            "recipe": make_optimizer_recipe(f"{optimizer}_{method}", optimizer, method, scheduler),
        }
        for (optimizer, method), scheduler in zip(pairs, cycle(get_args(Scheduler)), strict=False)
    ]


def choose_for_ci(rows: Sequence[Row], tried: Set[Setting]) -> list[int]:
    """Numbers of the rows that together hold most settings; those not in `tried` count twice."""
    chosen: list[int] = []
    held: set[Setting] = set()
    for _ in range(min(DRAWN_IN_CI, len(rows))):
        open_rows = [number for number in range(len(rows)) if number not in chosen]
        best = max(open_rows, key=lambda number: sum(2 - (s in tried) for s in rows[number].items() if s not in held))
        chosen.append(best)
        held |= set(rows[best].items())
    return chosen


def _list_drawn_cells(backend: str, rows: Sequence[Row], in_ci: Sequence[int]) -> list[dict[str, Any]]:
    names = [f"{backend}-{number:03}" for number in range(len(rows))]
    return [
        {"name": name, "ci": number in in_ci, "backends": [backend], "recipe": make_recipe(name, row)}
        for number, (name, row) in enumerate(zip(names, rows, strict=True))
    ]


def render_cells() -> str:
    """The text of cells.json: one cell a line."""
    found = draw_cells(sorted(file.stem for file in FOLDER.glob("*.yaml") if file.stem not in NO_RECIPES))
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
