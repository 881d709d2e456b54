"""Fit the estimator's constants on the measured cells that are marked `fitted`, and on nothing else.

    python -m research.estimates.fit_estimator [--shards]

Reads cells and results in qwen_recipes/estimate/measured, writes constants.json above. Minimises log(estimate /
measured), one constant after the other, each held near the value that its meaning suggests: of the peaks of a step's
forward and backward passes and of what the allocator reserves, for the four trainers; of what is reserved, for the
older cells. Seconds: of the median step, on the busy machine that the cells had (`start_host` is 1 meanwhile). The
start's seconds are medians by trainer, and `start_host` and `launch_varied` come from runs that had a machine for
themselves: set by hand. `--shards`, afterwards, sets nothing but the interval of runs whose weights several GPUs share.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qwen_recipes.estimate.measured import MeasuredCell, load_measured_cells
from qwen_recipes.estimate.memory import estimate_memory, get_fixed_parts, list_moments
from qwen_recipes.estimate.speed import estimate_micro_batch_seconds, estimate_tokens_per_second
from qwen_recipes.estimate.workload import build_workload_from_cell
from qwen_recipes.gpus.catalogue import get_gpu_model
from research.estimates.trainer_results import TrainerCell, load_trainer_cells
from research.estimates.two_gpu_results import load_two_gpu_cells

FILE = Path(__file__).resolve().parents[2] / "qwen_recipes" / "estimate" / "constants.json"
TIME_CONSTANTS, SET_BY_HAND = ("efficiency", "moved", "launch"), ("start_", "launch_varied")
MEMORY_REGULARIZATION, TIME_REGULARIZATION = 0.0006, 0.01
"""How strongly a constant is held where it started, a unit of log squared."""
MEMORY_OUTLIER, TIME_OUTLIER = 0.12, 0.4
"""Errors beyond this count linearly: chance decides about blocks, a busy host about steps."""
ROUNDS = 40
INTERVAL_WIDENING, BOUND_WIDENING = 1.3, 1.35
"""Few cells show too narrow a spread: half-widths of the interval, and of the bound, are multiplied by these."""

Values = dict[str, float]


def compute_trainer_errors(values: Values, cells: list[TrainerCell]) -> list[float]:
    """log(estimate / measured) of the forward pass (half), the backward pass, and what is reserved as today."""
    found = []
    for cell in cells:
        load, result = cell.estimate.workload, cell.latest or {}
        fixed = sum(get_fixed_parts(load).values())
        peaks = {name: fixed + sum(parts.values()) for name, parts in list_moments(load, values).items()}
        forward = max(peaks.pop("model"), peaks.pop("loss"))
        measured = result["moments"]
        found.append(0.5 * math.log(forward / measured["forward"]))
        found.append(math.log(max(peaks.values()) / measured["backward"]))
        if cell.reserves_as_today:
            found.append(math.log(estimate_memory(load, values).peak / result["peak_reserved"]))
    return found


def compute_memory_errors(values: Values, cells: list[MeasuredCell]) -> list[float]:
    """log(estimate / measured) of what is in use at the peak: their allocator was another."""
    found = []
    for m in cells:
        made = estimate_memory(build_workload_from_cell(m.cell, m.facts), values)
        found.append(math.log((made.peak - made.reserve) / float(m.result["peak_allocated"])))
    return found


def compute_step_errors(values: Values, cells: list[TrainerCell]) -> list[float]:
    """log(estimate / measured) of the median step after the first."""
    found = []
    for cell in cells:
        load, result = cell.estimate.workload, cell.quietest or {}
        tokens = result["micro_batches"]["padded"] if load.varies else None
        each = estimate_micro_batch_seconds(load, get_gpu_model("h200"), values, tokens)
        found.append(math.log(load.accumulation * each / statistics.median(result["step_seconds"][1:])))
    return found


def compute_speed_errors(values: Values, cells: list[MeasuredCell]) -> list[float]:
    """Half of log(estimate / measured) of the tokens a second: older cells were measured on another host."""
    return [
        0.5
        * math.log(
            estimate_tokens_per_second(build_workload_from_cell(m.cell, m.facts), get_gpu_model(m.gpu), values)
            / m.tokens_per_second
        )
        for m in cells
    ]


def fit_constants(
    start: Values,
    names: list[str],
    regularization: float,
    outlier: float,
    compute_errors: Callable[[Values], list[float]],
) -> Values:
    """Coordinate descent in logarithms: each constant tries a step up and down, which shrinks where neither helps."""
    values, steps = dict(start), dict.fromkeys(names, 0.25)

    def cost(tried: Values) -> float:
        found = [abs(error) for error in compute_errors(tried)]
        held = sum(math.log(tried[name] / start[name]) ** 2 for name in names)
        squared = [error**2 if error < outlier else outlier * (2 * error - outlier) for error in found]
        return sum(squared) / len(found) + regularization * held / len(names)

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


def compute_interval(errors: list[float], share: float, widening: float) -> list[float]:
    """Measured over estimate at both ends of the middle `share` of the cells, widened."""
    ordered = sorted(-error for error in errors)
    ends = interpolate_quantile(ordered, (1 - share) / 2), interpolate_quantile(ordered, (1 + share) / 2)
    return [round(math.exp(widening * end), 4) for end in ends]


def interpolate_quantile(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def set_intervals(document: dict[str, Any], values: Values, cells: list[TrainerCell]) -> None:
    """90% of the fitted cells, and all of them for the bound; apart for those where chance decides about blocks."""
    for suffix in ("", "_blocks"):
        errors = [
            math.log(estimate_memory(cell.estimate.workload, values).peak / (cell.latest or {})["peak_reserved"])
            for cell in cells
            if cell.reserves_as_today and cell.estimate.chance == suffix
        ]
        document[f"interval_memory{suffix}"] = compute_interval(errors, 0.9, INTERVAL_WIDENING)
        document[f"bound_memory{suffix}"] = compute_interval(errors, 1.0, BOUND_WIDENING)


def set_shard_interval(document: dict[str, Any]) -> None:
    """The same for runs whose weights or gradients several GPUs share, from the cells of two GPUs; as wide as for one
    GPU at least: the cells are few, and of one model.
    """
    for suffix in ("_shards", "_adapter_shards"):
        cells = [c for c in load_two_gpu_cells() if c.reserves_as_today and c.estimate.chance == suffix]
        errors = [math.log1p(c.error_now) for c in cells]
        for name, share, widening in (("interval", 0.9, INTERVAL_WIDENING), ("bound", 1.0, BOUND_WIDENING)):
            low, high = compute_interval(errors, share, widening)
            least, most = document[f"{name}_memory"]
            document[f"{name}_memory{suffix}"] = [min(low, least), max(high, most)]


def main() -> None:
    document: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    if "--shards" in sys.argv:
        set_shard_interval(document)
        FILE.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        return
    start = {name: float(entry["start"]) for name, entry in document["constants"].items()}
    by_hand = {name: float(document["constants"][name]["value"]) for name in ("start_host", "launch_varied")}
    start["start_host"] = 1.0
    older = [m for m in load_measured_cells() if m.split == "fitted" and m.outcome == "trained"]
    timed = [m for m in older if m.tokens_per_second]
    cells = [c for c in load_trainer_cells() if c.shapes_constants and c.trained]
    of_time = [name for name in start if name.startswith(TIME_CONSTANTS) and name not in SET_BY_HAND]
    of_memory = [name for name in start if not name.startswith((*TIME_CONSTANTS, *SET_BY_HAND))]
    values = fit_constants(
        start,
        of_memory,
        MEMORY_REGULARIZATION,
        MEMORY_OUTLIER,
        lambda tried: compute_trainer_errors(tried, cells) + compute_memory_errors(tried, older),
    )
    values = fit_constants(
        values,
        of_time,
        TIME_REGULARIZATION,
        TIME_OUTLIER,
        lambda tried: compute_step_errors(tried, cells) + compute_speed_errors(tried, timed),
    )
    for name, value in (values | by_hand).items():
        document["constants"][name]["value"] = float(f"{value:.5g}")
    set_intervals(document, values, cells)
    document["fitted_on"] = len(older) + len(cells)
    FILE.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    shown = {
        "four trainers": [
            math.log(estimate_memory(cell.estimate.workload, values).peak / (cell.latest or {})["peak_reserved"])
            for cell in cells
            if cell.reserves_as_today
        ],
        "older cells": compute_memory_errors(values, older),
    }
    for title, errors in shown.items():
        mean = sum(abs(math.expm1(error)) for error in errors) / len(errors)
        print(f"{title}: {len(errors)} fitted cells, memory off by {mean:.1%}")


if __name__ == "__main__":
    main()
