"""Losses and log-probabilities of the first preference batches, in each framework and in plain torch."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.backends.plan import ObjectivePlan, Plan

from .conftest import ROOT
from .made_preferences import KINDS, make_labelled, make_pairs
from .preference_batches import MICRO_BATCH, make_case, place_recipe, read_examples, run_cases

pytestmark = [pytest.mark.training]

BACKENDS = ("axolotl", "llamafactory", "ms-swift")
OBJECTIVES = ("dpo", "orpo", "simpo", "kto", "reward")
LENGTH = 700
"""Of a tokenizer with few merges."""
EXAMPLES_OF_A_KIND = 2
LOSS_TOLERANCE, RELATIVE_TOLERANCE = 1e-5, 1e-5
SFT_TOKENS = {"axolotl": "all", "llamafactory": "rows", "ms-swift": "answer"}
"""What ORPO's next-token loss is a mean over: docs/parity.md lists it."""


@pytest.fixture
def small_model(tiny_model: Callable[[str], Path], interpreter: Callable[[str], Path], tmp_path: Path) -> Path:
    """The tiny model with the first few merges of its tokenizer."""
    python = interpreter("llamafactory")
    program = ROOT / "research" / "curves" / "small_vocabulary.py"
    subprocess.run([python, program, tiny_model("llamafactory"), tmp_path / "model"], check=True)
    return tmp_path / "model"


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one == "llamafactory" else [pytest.mark.full]) for one in BACKENDS]
)
def test_first_losses_are_those_of_plain_torch(
    name: str, interpreter: Callable[[str], Path], small_model: Path, tmp_path: Path
) -> None:
    plans, cases = {}, []
    for objective in OBJECTIVES:
        make = make_labelled if objective == "kto" else make_pairs
        rows = [row for kind in KINDS for row in make(kind, EXAMPLES_OF_A_KIND)]
        recipe = place_recipe(tmp_path / objective, objective, rows, model=small_model, length=LENGTH)
        case, plans[objective] = make_case(name, recipe, len(rows) // MICRO_BATCH)
        cases.append(case)
    observed = run_cases(name, interpreter(name), cases, tmp_path, "framework_losses")
    pairs = zip(OBJECTIVES, observed, strict=True)
    plain = compute_plainly(
        [describe_case(name, plans[one], found, tmp_path / one, small_model) for one, found in pairs],
        interpreter("llamafactory"),
        tmp_path,
    )
    problems = []
    for objective, found, ours in zip(OBJECTIVES, observed, plain, strict=True):
        problems += [f"{objective}: {line}" for line in compare_batches(found, ours, plans[objective])]
    assert problems == []


def describe_case(name: str, plan: Plan, found: dict[str, Any], folder: Path, model: Path) -> dict[str, Any]:
    """A case of `plain_losses`: the examples as they stood in the framework's batches."""
    objective = plan.objective.type
    examples = read_examples(found, objective)
    batches = [examples[start : start + MICRO_BATCH] for start in range(0, len(examples), MICRO_BATCH)]
    assert plan.method.alpha is not None and plan.method.rank is not None
    return {
        "model": str(model),
        "weights": str(folder / f"{name}.safetensors"),
        "scale": plan.method.alpha / plan.method.rank,
        "objective": objective,
        "beta": plan.objective.beta,
        "gamma": plan.objective.gamma,
        "sft_tokens": SFT_TOKENS[name],
        "batches": [[_split_example(one, objective) for one in batch] for batch in batches],
    }


def _split_example(one: tuple[Any, ...], objective: str) -> dict[str, Any]:
    if objective == "kto":
        (ids, answer), (_, other), label = one
        prompt = ids[: len(ids) - len(answer)]
        return {"prompt": prompt, "answers": [answer], "mismatched": other, "label": label}
    (chosen, scored), (rejected, other) = one
    if objective == "reward":
        return {"prompt": (), "answers": [chosen, rejected]}
    return {"prompt": chosen[: len(chosen) - len(scored)], "answers": [scored, other]}


def compute_plainly(cases: list[dict[str, Any]], python: Path, folder: Path) -> list[list[dict[str, Any]]]:
    """`plain_losses` in a process of its own."""
    (folder / "plain.json").write_text(json.dumps(cases), "utf-8")
    program = Path(__file__).with_name("plain_losses.py")
    subprocess.run([python, program, folder / "plain.json", folder / "plain-out.json"], check=True)
    found: list[list[dict[str, Any]]] = json.loads((folder / "plain-out.json").read_text("utf-8"))
    return found


def compare_batches(found: dict[str, Any], plain: list[dict[str, Any]], plan: Plan) -> list[str]:
    """What differs: losses by 1e-5, log-probabilities by a relative 1e-5, and that anything was compared."""
    problems = []
    for place, (loss, metrics, ours) in enumerate(zip(found["losses"], found["metrics"], plain, strict=True)):
        if not math.isclose(loss, ours["loss"], abs_tol=LOSS_TOLERANCE, rel_tol=0):
            problems.append(f"batch {place}: loss {loss}, plain {ours['loss']}")
        theirs = read_log_probabilities(metrics, plan.objective)
        for name in ours.keys() & theirs.keys():
            if not math.isclose(theirs[name], ours[name], rel_tol=RELATIVE_TOLERANCE):
                problems.append(f"batch {place}: {name} {theirs[name]}, plain {ours[name]}")
        if "chosen" in ours and "chosen" not in theirs:
            problems.append(f"batch {place}: no log-probability of chosen answers in {sorted(metrics)}")
    return problems


def read_log_probabilities(metrics: dict[str, float], objective: ObjectivePlan) -> dict[str, float]:
    """Mean log-probabilities that a trainer stored, and the reference's, which its rewards imply."""
    found = {}
    for side in ("chosen", "rejected"):
        count = metrics.get(f"count/{side}", 1.0)
        value = metrics.get(f"logps/{side}", metrics.get(f"logps/{side}_sum"))
        reward = metrics.get(f"rewards/{side}", metrics.get(f"rewards/{side}_sum"))
        if value is not None:
            found[side] = value / count
            if reward is not None and objective.compares:
                found[f"reference_{side}"] = (value - reward / objective.beta) / count
    return found
