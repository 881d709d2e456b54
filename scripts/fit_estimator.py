"""Fit the estimator's constants on the measured cells that are marked `fitted`, and on nothing else.

    python scripts/fit_estimator.py

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

from qwen_recipes.estimate.gpus import gpu_named
from qwen_recipes.estimate.load import load_of_cell
from qwen_recipes.estimate.measured import Measured, measured_cells
from qwen_recipes.estimate.memory import parts_of
from qwen_recipes.estimate.speed import tokens_per_second

FILE = Path(__file__).resolve().parents[1] / "qwen_recipes" / "estimate" / "constants.json"
TIME = ("efficiency", "moved", "launch")
HOLD_MEMORY, HOLD_TIME = 0.004, 0.06
"""How strongly a constant is held where it started, a unit of log squared. Steps depend on a shared host too: the
second was chosen by cross-validation on the fitted cells (0.002 to 0.06 tried)."""
ROUNDS = 60
WIDER = 1.15
"""Few cells show too narrow a spread: the interval's half-widths are multiplied by this."""

Values = dict[str, float]


def memory_errors(values: Values, cells: list[Measured]) -> list[float]:
    """log(estimate / measured) of the reserved peak."""
    return [math.log(parts_of(load_of_cell(m.cell, m.facts), values).peak / m.reserved) for m in cells]


def time_errors(values: Values, cells: list[Measured]) -> list[float]:
    """log(estimate / measured) of the tokens a second."""
    return [
        math.log(tokens_per_second(load_of_cell(m.cell, m.facts), gpu_named(m.gpu), values) / m.tokens_per_second)
        for m in cells
    ]


def fit(start: Values, names: list[str], hold: float, errors: Callable[[Values], list[float]]) -> Values:
    """Coordinate descent in logarithms: each constant tries a step up and down, which shrinks where neither helps."""
    values, steps = dict(start), dict.fromkeys(names, 0.3)

    def cost(tried: Values) -> float:
        found = errors(tried)
        held = sum(math.log(tried[name] / start[name]) ** 2 for name in names)
        return sum(error * error for error in found) / len(found) + hold * held / len(names)

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


def interval(errors: list[float]) -> list[float]:
    """Measured over estimate: what to multiply an estimate with for both ends of its 90 % interval."""
    ordered = sorted(-error for error in errors)
    low, high = quantile(ordered, 0.05), quantile(ordered, 0.95)
    return [round(math.exp(WIDER * low), 4), round(math.exp(WIDER * high), 4)]


def quantile(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def main() -> None:
    document: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    start = {name: float(entry["start"]) for name, entry in document["constants"].items()}
    cells = [m for m in measured_cells() if m.split == "fitted" and m.outcome == "trained"]
    timed = [m for m in cells if m.tokens_per_second]
    of_time = [name for name in start if name.startswith(TIME)]
    of_memory = [name for name in start if name not in of_time]
    values = fit(start, of_memory, HOLD_MEMORY, lambda tried: memory_errors(tried, cells))
    values = fit(values, of_time, HOLD_TIME, lambda tried: time_errors(tried, timed))
    for name, value in values.items():
        document["constants"][name]["value"] = float(f"{value:.5g}")
    document["interval_memory"] = interval(memory_errors(values, cells))
    document["interval_time"] = interval(time_errors(values, timed))
    document["fitted_on"] = len(cells)
    FILE.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    for title, errors in (("memory", memory_errors(values, cells)), ("tokens/s", time_errors(values, timed))):
        mean = sum(abs(math.expm1(error)) for error in errors) / len(errors)
        print(f"{title}: {len(errors)} fitted cells, mean error {mean:.1%}, worst {max(map(abs, errors)):.1%}")


if __name__ == "__main__":
    main()
