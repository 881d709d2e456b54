"""Preference examples, losses and log-probabilities of each framework, held against ours.

`python -m research.parity.measure_preferences [--examples 40] [--backend NAME]`, with every CPU environment built.
Writes research/parity/preference_results.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.environments.environment import get_managed_environment
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from research.parity.preference_cells import (
    BACKENDS,
    MICRO_BATCH,
    OBJECTIVES,
    count_mismatched,
    count_same,
    expect_examples,
    make_case,
    make_rows,
    place_recipe,
    read_examples,
    run_cases,
)
from research.parity.preference_losses import measure_losses, shrink_model

RESULTS = Path(__file__).with_name("preference_results.json")
MAKE_MODEL = Path(__file__).parents[2] / "examples" / "quickstart" / "make_tiny_model.py"


def make_model(python: Path, folder: Path) -> None:
    """The tiny model with its weights as they are drawn, in float32."""
    tokenizer = get_tokenizer_folder("hybrid")
    subprocess.run([python, MAKE_MODEL, folder, "--tokenizer", tokenizer, "--float32"], check=True)


def measure_tokens(
    name: str, python: Path, model: Path, folder: Path, count: int, objectives: Sequence[str] = OBJECTIVES
) -> dict[str, dict[str, Any]]:
    """By objective: examples of each kind, how many came out as ours, and how many the framework drew."""
    cases, ready, found = [], {}, {}
    for objective in objectives:
        rows = make_rows(objective, count)
        everything = [row for held in rows.values() for row in held]
        recipe = place_recipe(folder / objective, objective, everything, model=model)
        try:
            case, plan = make_case(name, recipe, len(everything) // MICRO_BATCH + 1)
        except RecipeError as refusal:
            found[objective] = {"refused": [one.message for one in refusal.findings if one.severity == "error"]}
            continue
        cases.append(case)
        encoder = build_encoder(plan, folder)
        ready[objective] = {kind: expect_examples(plan, held, objective, encoder) for kind, held in rows.items()}
    for (objective, expected), seen in zip(ready.items(), run_cases(name, python, cases, folder), strict=True):
        found[objective] = score_objective(objective, expected, seen)
    return found


def score_objective(objective: str, expected: dict[str, list[Any]], seen: dict[str, Any]) -> dict[str, Any]:
    """Counts of one objective. Raises RuntimeError where the framework drew nothing."""
    examples = read_examples(seen, objective)
    more: dict[str, Any] = {}
    if objective == "kto":
        more["mismatched"] = count_mismatched(examples)
        examples = [(own, label) for own, _, label in examples]
    kinds = {kind: len(held) for kind, held in expected.items()}
    return {"examples": kinds, "same": count_same(examples, expected), "drawn": len(examples), **more}


def find_python(backend: str) -> Path:
    """The interpreter of the framework's managed CPU environment."""
    return get_managed_environment(load_backend(backend), "cpu").interpreter


def main() -> None:
    """Measure, and write the results of the frameworks that were asked for over what stands there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=40, help="Of each kind and objective.")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="All where left out.")
    parser.add_argument("--losses", action="store_true", help="Losses alone; tokens stay as they were measured.")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    found: dict[str, Any] = json.loads(given.out.read_text("utf-8")) if given.out.is_file() else {"backends": {}}
    with tempfile.TemporaryDirectory(prefix="preferences-") as scratch:
        folder, plain = Path(scratch), find_python("llamafactory")
        model = folder / "model"
        make_model(plain, model)
        small = shrink_model(model, folder / "small", plain)
        for name in given.backend or BACKENDS:
            python = find_python(name)
            tokens = (
                found["backends"][name]["objectives"]
                if given.losses
                else measure_tokens(name, python, model, folder / f"tokens-{name}", given.examples)
            )
            compiled = [objective for objective, one in tokens.items() if "refused" not in one]
            losses = measure_losses(name, python, plain, small, folder / f"losses-{name}", compiled)
            for objective, difference in losses.items():
                tokens[objective] |= difference._asdict()
            found["backends"][name] = {"version": load_backend(name).version, "objectives": tokens}
            given.out.write_text(json.dumps({**found, "of_a_kind": given.examples}, indent=1) + "\n", "utf-8")
            print(name, {one: sum(tokens[one]["same"].values()) for one in compiled}, losses, flush=True)


if __name__ == "__main__":
    main()
