"""Train every curve in every framework, and each framework's own few words: `python -m research.curves.measure_curves`.

Needs every CPU environment; ten minutes of a quiet machine with two cores. Writes research/curves/results.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.backends import load_backend
from research.curves.curve_recipes import BACKENDS, CURVES
from research.curves.run_curves import (
    CurveCase,
    StartingPoint,
    find_python,
    make_starting_point,
    prepare_curve,
    prepare_own_words,
    train_cases,
)
from research.curves.seeded_changes import BACKEND as CHANGED
from research.curves.seeded_changes import CHANGES

RESULTS = Path(__file__).with_name("results.json")
OWN = "own-words"
NAMES = (*CURVES, OWN)
DIGITS = 6


def measure_backend(backend: str, folder: Path, start: StartingPoint, names: Sequence[str]) -> dict[str, Any]:
    """Loss, gradient norm and learning rate by step, and settings, of each curve that trained."""
    cases: dict[str, CurveCase] = {}
    for name in names:
        place = folder / f"{name}-{backend}"
        if name == OWN:
            cases[name] = prepare_own_words(backend, place, start.model)
        elif backend in CURVES[name].backends:
            cases[name] = prepare_curve(CURVES[name], backend, place, start)
    train_cases(backend, find_python(backend), list(cases.values()), folder)
    found = {}
    for name, case in cases.items():
        try:
            found[name] = _list_values(case)
        except RuntimeError as error:
            print(f"{backend}, {name}: {error}", flush=True)
    return found


def read_compiled(folder: Path) -> dict[str, dict[str, Any]]:
    """Of each curve, what the keys that `seeded_changes` change say in the framework's file."""
    found: dict[str, dict[str, Any]] = {}
    for one in CHANGES:
        file = folder / f"{one.curve}-{CHANGED}" / "out" / "rows" / "train.yaml"
        config = yaml.safe_load(file.read_text("utf-8"))
        value = config.get(one.key)
        shown = Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
        found.setdefault(one.curve, {})[one.key] = shown
    return found


def _list_values(case: CurveCase) -> dict[str, Any]:
    log = case.read_log()
    values = {key: [round(entry[key], DIGITS) for entry in log] for key in ("loss", "grad_norm", "learning_rate")}
    return {**values, "settings": case.read_settings()}


def main() -> None:
    """Measure, and write the results of the frameworks that were asked for over what stands there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="All where left out.")
    parser.add_argument("--curve", choices=NAMES, action="append", help="All where left out.")
    given = parser.parse_args()
    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {"versions": {}, "curves": {}}
    with tempfile.TemporaryDirectory(prefix="curves-") as scratch:
        start = make_starting_point(Path(scratch), find_python("llamafactory"))
        for backend in given.backend or BACKENDS:
            for name, values in measure_backend(backend, Path(scratch), start, given.curve or NAMES).items():
                found["curves"].setdefault(name, {})[backend] = values
            if backend == CHANGED and given.curve is None:
                found["compiled"] = read_compiled(Path(scratch))
            found["versions"][backend] = load_backend(backend).version
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
            print(f"{backend}: {len(found['curves'])} curves", flush=True)


if __name__ == "__main__":
    main()
