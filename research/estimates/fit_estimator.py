"""Fit the estimator's constants on the measured cells that are marked `fitted`, and on nothing else.

    python research/estimates/fit_estimator.py

Reads results.jsonl and cells.json in qwen_recipes/estimate/measured, writes constants.json above. Minimises the mean
square of log(estimate / measured), one constant after the other, each held near the value that its meaning
suggests. The interval is what holds nine of ten fitted cells, widened for their small number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qwen_recipes.estimate.measured import MeasuredCell, load_measured_cells
from qwen_recipes.estimate.memory import estimate_memory
from qwen_recipes.estimate.speed import estimate_tokens_per_second
from qwen_recipes.estimate.workload import build_workload_from_cell
from qwen_recipes.gpus.catalogue import get_gpu_model

FILE = Path(__file__).resolve().parents[2] / "qwen_recipes" / "estimate" / "constants.json"
TIME_CONSTANTS = ("efficiency", "moved", "launch")
MEMORY_REGULARIZATION, TIME_REGULARIZATION = 0.004, 0.06
"""How strongly a constant is held where it started, a unit of log squared. Steps depend on a shared host too: the
second was chosen by cross-validation on the fitted cells (0.002 to 0.06 tried)."""
ROUNDS = 60
INTERVAL_WIDENING = 1.15
"""Few cells show too narrow a spread: the interval's half-widths are multiplied by this."""

Values = dict[str, float]


def compute_memory_errors(values: Values, cells: list[MeasuredCell]) -> list[float]:
    """log(estimate / measured) of the reserved peak."""
    return [
        math.log(estimate_memory(build_workload_from_cell(m.cell, m.facts), values).peak / m.peak_reserved)
        for m in cells
    ]


def compute_time_errors(values: Values, cells: list[MeasuredCell]) -> list[float]:
    """log(estimate / measured) of the tokens a second."""
    return [
        math.log(
            estimate_tokens_per_second(build_workload_from_cell(m.cell, m.facts), get_gpu_model(m.gpu), values)
            / m.tokens_per_second
        )
        for m in cells
    ]


def fit_constants(
    start: Values, names: list[str], regularization: float, compute_errors: Callable[[Values], list[float]]
) -> Values:
    """Coordinate descent in logarithms: each constant tries a step up and down, which shrinks where neither helps."""
    values, steps = dict(start), dict.fromkeys(names, 0.3)

    def cost(tried: Values) -> float:
        found = compute_errors(tried)
        held = sum(math.log(tried[name] / start[name]) ** 2 for name in names)
        return sum(error * error for error in found) / len(found) + regularization * held / len(names)

    best = cost(values)
    for _ in range(ROUNDS):
        for name in names:
            tries = [{**values, name: values[name] * math.exp(sign * steps[name])} for sign in (1, -1)]
            least, tried = min(((cost(t), t) for t in tries), key=lambda pair: pair[0])
            if least < best:
                best, values = least, tried
            else:
                steps[name] /= 2
    return values


def compute_interval(errors: list[float]) -> list[float]:
    """Measured over estimate: what to multiply an estimate with for both ends of its 90 % interval."""
    ordered = sorted(-error for error in errors)
    low, high = interpolate_quantile(ordered, 0.05), interpolate_quantile(ordered, 0.95)
    return [round(math.exp(INTERVAL_WIDENING * low), 4), round(math.exp(INTERVAL_WIDENING * high), 4)]


def interpolate_quantile(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def main() -> None:
    document: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    start = {name: float(entry["start"]) for name, entry in document["constants"].items()}
    cells = [m for m in load_measured_cells() if m.split == "fitted" and m.outcome == "trained"]
    timed = [m for m in cells if m.tokens_per_second]
    of_time = [name for name in start if name.startswith(TIME_CONSTANTS)]
    of_memory = [name for name in start if name not in of_time]
    values = fit_constants(start, of_memory, MEMORY_REGULARIZATION, lambda tried: compute_memory_errors(tried, cells))
    values = fit_constants(values, of_time, TIME_REGULARIZATION, lambda tried: compute_time_errors(tried, timed))
    for name, value in values.items():
        document["constants"][name]["value"] = float(f"{value:.5g}")
    document["interval_memory"] = compute_interval(compute_memory_errors(values, cells))
    document["interval_time"] = compute_interval(compute_time_errors(values, timed))
    document["fitted_on"] = len(cells)
    FILE.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    for title, errors in (
        ("memory", compute_memory_errors(values, cells)),
        ("tokens/s", compute_time_errors(values, timed)),
    ):
        mean = sum(abs(math.expm1(error)) for error in errors) / len(errors)
        print(f"{title}: {len(errors)} fitted cells, mean error {mean:.1%}, worst {max(map(abs, errors)):.1%}")


if __name__ == "__main__":
    main()
