# ruff: noqa: E501
"""docs/research/memory-estimates.md and its plot: every measured cell beside its estimate. Written by tools/generate_docs.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.estimate.estimate import CUDA_CONTEXT_BYTES
from qwen_recipes.estimate.measured import MeasuredCell, load_cells, load_measured_cells
from qwen_recipes.estimate.memory import estimate_memory
from qwen_recipes.estimate.speed import estimate_tokens_per_second
from qwen_recipes.estimate.workload import build_workload_from_cell
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.qwen.facts import count_lora_parameters
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.reports.svg_axes import Axes, Scale, draw_svg, draw_text
from research.estimates.founding_page import render_founding_tables
from research.estimates.trainer_page import render_trainers

ROOT = Path(__file__).resolve().parents[2]
CONSTANTS = ROOT / "qwen_recipes" / "estimate" / "constants.json"
GIB = 2**30
SIZE, EDGE = 420, 44
AXIS_GIB = (2.0, 80.0)


@dataclass(frozen=True)
class EstimateComparison:
    """A cell, measured and estimated: bytes, tokens a second."""

    measured: MeasuredCell
    peak: float
    low: float
    high: float
    speed: float

    @property
    def error(self) -> float:
        """Of the peak, as a share of what was measured."""
        return self.peak / self.measured.peak_reserved - 1

    @property
    def speed_error(self) -> float:
        """Of the time: estimated over measured seconds."""
        return self.measured.tokens_per_second / self.speed - 1

    @property
    def is_within_interval(self) -> bool:
        """Whether the interval holds what was measured."""
        return self.low <= self.measured.peak_reserved <= self.high


def compare_cells() -> list[EstimateComparison]:
    document = json.loads(CONSTANTS.read_text("utf-8"))
    low, high = document["interval_memory"]
    found = []
    for m in load_measured_cells():
        load = build_workload_from_cell(m.cell, m.facts)
        peak = estimate_memory(load).peak
        found.append(
            EstimateComparison(m, peak, peak * low, peak * high, estimate_tokens_per_second(load, get_gpu_model(m.gpu)))
        )
    return found


def render_page() -> str:
    every = compare_cells()
    trained = [c for c in every if c.measured.outcome == "trained"]
    body = [
        _render_head(len(every)),
        *render_trainers(),
        "## A loop of our own, and LLaMA-Factory, on an H100\n",
        *([_render_summary(trained), _render_capped_cells(every), _render_cells(every)] if every else []),
        _render_founding_figures(),
        *render_founding_tables(),
    ]
    return "\n".join(body)


def _render_head(count: int) -> str:
    planned = len(load_cells())
    return f"""# How good the estimates are

`recipes plan` adds up parts whose formulas stand in `qwen_recipes/estimate/memory.py` and `speed.py`; what each trainer holds
beside the others is in `trainer_traits.py`. Constants are fitted (`python -m research.estimates.fit_estimator`) on cells that are
marked `fitted`, a choice that was committed before the first of them was measured; all others judge.

Two sets were measured: {count} of {planned} cells of a loop over transformers and peft (`plain`) and of LLaMA-Factory, six steps
each, on one H100 80GB or H200 (`research/measurements/measure_memory.py`), and the four trainers below
(`research/measurements/measure_trainers.py`, which resumes from committed lists). A peak is what the allocator reserved;
{CUDA_CONTEXT_BYTES / GIB:.1f} GiB for CUDA's context come on top of it.

Formulas were revised several times after a look at fitted cells. The loss of every trainer, what it keeps of logits, which
weights become float32 and what the optimizer holds were read in the frameworks' sources and checked against the peaks
of each forward pass, backward pass and update. Steps of small models wait for the host: the same cell differs by 20 to 40%
from one run to the next, and no formula can tell.
"""


def _render_summary(comparisons: list[EstimateComparison]) -> str:
    lines = ["## In short", "", "| cells | number | memory: mean error | worst | inside the 90% interval | time: mean error |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for title, split, stack in (
        ("fitted", "fitted", None),
        ("held out", "held-out", None),
        ("held out, plain", "held-out", "plain"),
        ("held out, LLaMA-Factory", "held-out", "llamafactory"),
    ):
        some = [c for c in comparisons if c.measured.split == split and stack in (None, c.measured.cell["stack"])]
        lines.append(_render_row(title, some))
    return "\n".join([*lines, "", "![Estimated against measured peak](memory-estimates.svg)", ""])


def _render_row(title: str, comparisons: list[EstimateComparison]) -> str:
    if not comparisons:
        return f"| {title} | 0 | | | | |"
    errors = [abs(c.error) for c in comparisons]
    timed = [abs(c.speed_error) for c in comparisons if c.measured.tokens_per_second]
    inside = sum(c.is_within_interval for c in comparisons) / len(comparisons)
    time = f"{sum(timed) / len(timed):.1%}" if timed else ""
    return f"| {title} | {len(comparisons)} | {sum(errors) / len(errors):.1%} | {max(errors):.1%} | {inside:.0%} | {time} |"


def _render_capped_cells(comparisons: list[EstimateComparison]) -> str:
    capped = [c for c in comparisons if c.measured.cell["cap_gb"]]
    if not capped:
        return ""
    lines = ["## Near the edge", "", "The allocator was limited to so much. `fits` is said where the interval ends below it.",
             "", "| cell | cap | estimate | said | what happened |", "|---|---|---|---|---|"]  # fmt: skip
    wrong = 0
    for c in capped:
        cap = c.measured.cell["cap_gb"] * GIB
        said = "fits" if c.high <= cap else "may fit" if c.peak <= cap else "does not fit"
        wrong += said == "fits" and c.measured.outcome != "trained"
        peak = f"{c.peak / GIB:.1f} GiB ({c.low / GIB:.1f} to {c.high / GIB:.1f})"
        lines.append(f"| `{c.measured.cell['id']}` | {cap / GIB:.0f} GiB | {peak} | {said} | {c.measured.outcome} |")
    return "\n".join([*lines, "", f"Said to fit, and ran out of memory: {wrong} of {len(capped)}.", ""])


def _render_cells(comparisons: list[EstimateComparison]) -> str:
    lines = ["## Every cell", "", "| cell | split | measured | estimated | error | tokens/s | estimated |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for c in sorted(comparisons, key=lambda c: str(c.measured.cell["id"])):
        m = c.measured
        if m.outcome != "trained":
            lines.append(f"| `{m.cell['id']}` | {m.split} | out of memory | {c.peak / GIB:.1f} GiB | | | |")
            continue
        speed = f"{m.tokens_per_second:,.0f} | {c.speed:,.0f}" if m.tokens_per_second else " | "
        sizes = f"{m.peak_reserved / GIB:.1f} GiB | {c.peak / GIB:.1f} GiB | {c.error:+.1%}"
        lines.append(f"| `{m.cell['id']}` | {m.split} | {sizes} | {speed} |")
    return "\n".join([*lines, ""])


def _render_founding_figures() -> str:
    facts = REGISTRY["Qwen/Qwen3-4B"]
    counts = {r: count_lora_parameters(facts, r, facts.linear_modules) / 1e6 for r in (8, 64)}
    attention = count_lora_parameters(facts, 8, ("q_proj", "v_proj")) / 1e6
    without, fused = (_estimate_qlora_peak(liger) for liger in (False, True))
    return f"""## What was said before

The figures that this project was founded on, beside ours.

| said | here | why it differs |
|---|---|---|
| LoRA on 4B, rank 64, all linear layers: about 26 M trained | {counts[64]:.1f} M | 23.6 M is rank 64 on q and v alone |
| LoRA on 4B, rank 8, attention alone: about 1.5 M | {attention:.2f} M (q and v) | heads x head_dim is 4,096 on 4B, not its hidden size of 2,560 |
| QLoRA on 4B, rank 16, 2,048 tokens: 5 to 6 GB | {without:.1f} GiB, with a fused loss {fused:.1f} GiB | without one, 2,048 x 151,936 logits and their gradient are held |
| DoRA: 17% more time and 41% more memory, cached; 139% more time uncached (peft#1692) | one H100, 4B: 2,685 against 3,749 tokens/s, 13,832 against 13,100 MiB reserved (2026-11-23) | what is cached there is computed again in training |
| an 8-bit base saves memory | 4B, rank 32, 2,048 tokens: 23,716 MiB reserved against 10,108 in 4 bits (2026-11-23) | its layers keep their inputs in spite of checkpointing |
"""


def _estimate_qlora_peak(liger: bool) -> float:
    cell = {"stack": "plain", "method": "qlora", "rank": 16, "bits": 4, "seq": 2048, "micro_batch": 1, "checkpointing": True,
            "liger": liger, "optimizer": "adamw"}  # fmt: skip
    return estimate_memory(build_workload_from_cell(cell, REGISTRY["Qwen/Qwen3-4B"])).peak / GIB


def render_plot() -> str:
    """Estimated against measured peak, both in GiB on logarithmic axes; open circles were fitted."""
    lowest, highest = AXIS_GIB
    axes = Axes(
        Scale(lowest, highest, EDGE, SIZE - 16, logarithmic=True),
        Scale(lowest, highest, SIZE - EDGE, 16, logarithmic=True),
    )
    drawn = [
        axes.draw_grid(),
        axes.draw_line([(lowest, lowest), (highest, highest)], "#888", "as measured", 1),
        axes.draw_line([(lowest, lowest * 1.2), (highest / 1.2, highest)], "#ddd", "20% above", 1),
        axes.draw_line([(lowest * 1.2, lowest), (highest, highest / 1.2)], "#ddd", "20% below", 1),
        draw_text(SIZE / 2, SIZE - 6, "measured peak, GiB", "middle"),
        f'<g transform="rotate(-90 12 {SIZE / 2})">{draw_text(12, SIZE / 2, "estimate, GiB", "middle")}</g>',
        *(_draw_comparison(axes, c) for c in compare_cells() if c.measured.outcome == "trained"),
    ]
    return draw_svg(SIZE, SIZE, "Estimated against measured peak of memory", drawn, standalone=True) + "\n"


def _draw_comparison(axes: Axes, comparison: EstimateComparison) -> str:
    measured = comparison.measured
    colour = "#1f77b4" if measured.cell["stack"] == "plain" else "#d62728"
    title = f"{measured.cell['id']}: {comparison.error:+.1%}"
    x, y = measured.peak_reserved / GIB, comparison.peak / GIB
    return axes.draw_point(x, y, colour, title, filled=measured.split == "held-out")
