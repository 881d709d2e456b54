"""First losses and log-probabilities of preference trainers, held against plain torch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from qwen_recipes.backends.plan import ObjectivePlan, Plan
from research.parity.made_preferences import KINDS
from research.parity.preference_cells import (
    MICRO_BATCH,
    OBJECTIVES,
    Example,
    make_case,
    make_rows,
    place_recipe,
    read_examples,
    run_cases,
)

LENGTH = 360
"""Of a tokenizer with few merges: tool definitions fit. A float32 sum over more tokens is off by more than 1e-5."""
EXAMPLES_OF_A_KIND = 2
LOSS_TOLERANCE, RELATIVE_TOLERANCE = 1e-5, 1e-5
SFT_TOKENS = {"axolotl": "all", "llamafactory": "rows", "ms-swift": "answer"}
"""What ORPO's next-token loss is a mean over."""
SHRINK = Path(__file__).parents[1] / "curves" / "small_vocabulary.py"


class LossDifference(NamedTuple):
    """The largest over all batches: of the loss, and of a log-probability, relative; `compared` counts the latter."""

    loss: float
    log_probability: float
    compared: int


def shrink_model(model: Path, out: Path, python: Path) -> Path:
    """The tiny model with the first few merges of its tokenizer: losses take a tenth of the time."""
    subprocess.run([python, SHRINK, model, out], check=True)
    return out


def measure_losses(
    name: str, python: Path, plain_python: Path, model: Path, folder: Path, objectives: Sequence[str] = OBJECTIVES
) -> dict[str, LossDifference]:
    """By objective, how far a framework's first losses are from plain torch's. Raises RuntimeError, RecipeError."""
    plans: dict[str, Plan] = {}
    cases = []
    for objective in objectives:
        rows = [row for rows in make_rows(objective, EXAMPLES_OF_A_KIND).values() for row in rows]
        recipe = place_recipe(folder / objective, objective, rows, model=model, length=LENGTH)
        case, plans[objective] = make_case(name, recipe, len(KINDS) * EXAMPLES_OF_A_KIND // MICRO_BATCH)
        cases.append(case)
    observed = run_cases(name, python, cases, folder, "framework_losses")
    described = [
        _describe_case(name, plans[one], found, folder / one, model)
        for one, found in zip(objectives, observed, strict=True)
    ]
    plain = _compute_plainly(described, plain_python, folder)
    return {
        one: _compare_batches(found, ours, plans[one].objective)
        for one, found, ours in zip(objectives, observed, plain, strict=True)
    }


def _describe_case(name: str, plan: Plan, observed: dict[str, Any], folder: Path, model: Path) -> dict[str, Any]:
    """A case of `plain_losses`: the examples as they stood in the framework's batches."""
    objective = plan.objective.type
    examples = read_examples(observed, objective)
    batches = [examples[start : start + MICRO_BATCH] for start in range(0, len(examples), MICRO_BATCH)]
    assert plan.method.alpha is not None and plan.method.rank is not None
    return {
        "model": str(model),
        "weights": str(folder / f"{name}.safetensors"),
        "scale": plan.method.alpha / plan.method.rank,
        "objective": objective,
        "beta": plan.objective.beta,
        "gamma": plan.objective.gamma,
        "sft_tokens": SFT_TOKENS.get(name),
        "batches": [[_split_example(one, objective) for one in batch] for batch in batches],
    }


def _split_example(one: Example, objective: str) -> dict[str, Any]:
    if objective == "kto":
        (ids, answer), (_, other), label = one
        return {"prompt": ids[: len(ids) - len(answer)], "answers": [answer], "mismatched": other, "label": label}
    (chosen, scored), (rejected, other) = one
    if objective == "reward":
        return {"prompt": (), "answers": [chosen, rejected]}
    return {"prompt": chosen[: len(chosen) - len(scored)], "answers": [scored, other]}


def _compute_plainly(cases: list[dict[str, Any]], python: Path, folder: Path) -> list[list[dict[str, Any]]]:
    """`plain_losses` in a process of its own."""
    (folder / "plain.json").write_text(json.dumps(cases), "utf-8")
    program = Path(__file__).with_name("plain_losses.py")
    subprocess.run([python, program, folder / "plain.json", folder / "plain-out.json"], check=True)
    found: list[list[dict[str, Any]]] = json.loads((folder / "plain-out.json").read_text("utf-8"))
    return found


def _compare_batches(observed: dict[str, Any], plain: list[dict[str, Any]], objective: ObjectivePlan) -> LossDifference:
    losses = [abs(loss - ours["loss"]) for loss, ours in zip(observed["losses"], plain, strict=True)]
    relative = []
    for metrics, ours in zip(observed["metrics"], plain, strict=True):
        theirs = read_log_probabilities(metrics, objective)
        relative += [abs(theirs[name] / ours[name] - 1) for name in ours.keys() & theirs.keys()]
    return LossDifference(max(losses), max(relative, default=0.0), len(relative))


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
