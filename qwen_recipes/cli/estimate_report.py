"""An estimate, shown: a table, the parts as a bar, and what to change."""

from __future__ import annotations

from dataclasses import dataclass

import click

from qwen_recipes.backends import load_backend, load_backends
from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate import Estimate, FitSuggestion, list_gpus_that_fit
from qwen_recipes.estimate.fit_labels import FIT_LABELS
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.resolve import BackendRecipe
from qwen_recipes.resolve.choose_backend import is_supported
from qwen_recipes.resolve.plan_table import list_plan_values
from qwen_recipes.resolve.speed import FASTEST, list_speed_choices
from qwen_recipes.sizes import GIB, format_gib

BAR_WIDTH = 48
MAX_LARGER_GPUS = 3
HEAD = ("", "GPU", "fits", "peak per GPU", "available", "tokens/s", "time", "disk", "host memory")
PART_MARKS = {
    "weights": "█", "adapter": "▓", "gradients": "▒", "optimizer": "░", "activations": "▞", "logits": "▚", "layer": "▚",
    "workspace": "▖", "reserve": "·",
}  # fmt: skip
FIT_COLOURS = {"yes": "green", "close": "yellow", "no": "red"}


@dataclass(frozen=True)
class FitVerdict:
    """One backend and GPU."""

    backend: Backend
    estimate: Estimate
    suggestions: list[FitSuggestion]
    elsewhere: list[Estimate]
    """Of the same recipe in other frameworks in which it fits; empty where it fits in this one."""


def assess_fit(recipe: BackendRecipe, gpu: GpuModel) -> FitVerdict:
    """The estimate, with suggestions unless it surely fits."""
    from qwen_recipes.guards.trial import suggest_tried_changes

    made = recipe.estimate(gpu)
    if made.check_fit() == "yes":
        return FitVerdict(recipe.backend, made, [], [])
    return FitVerdict(recipe.backend, made, suggest_tried_changes(recipe, gpu), _find_fitting_frameworks(recipe, gpu))


def _find_fitting_frameworks(recipe: BackendRecipe, gpu: GpuModel) -> list[Estimate]:
    others = [BackendRecipe(recipe.loaded, one) for one in load_backends() if one.takes_any_recipe]
    able = [one for one in others if one.backend.name != recipe.backend.name and is_supported(one)]
    return [made for one in able if (made := one.estimate(gpu)).check_fit() == "yes"]


def verdict_as_json(verdict: FitVerdict) -> dict[str, object]:
    """What a machine reads: bytes and seconds."""
    e = verdict.estimate
    return {
        "backend": verdict.backend.name,
        "gpu": e.gpu.name,
        "gpus": e.plan.hardware.world,
        "fits": e.check_fit(),
        "memory_bytes": {
            "usable": round(e.usable),
            "peak": round(e.peak),
            "low": round(e.low),
            "high": round(e.high),
            "parts": {name: round(size) for name, size in e.parts.as_dict().items()},
        },
        "trainable_parameters": e.workload.trainable,
        "tokens_per_second": None if e.gpu.stated else round(e.trained_tokens_per_second),
        "steps": e.steps,
        "seconds": None if e.seconds is None else round(e.seconds),
        "seconds_interval": None if e.seconds_interval is None else [round(s) for s in e.seconds_interval],
        "disk_bytes": {name: round(size) for name, size in vars(e.disk).items()},
        "host_bytes": round(e.host_memory),
        "choices": [
            {"field": field, "value": value, "reason": reason} for field, value, reason in _list_choices(e.plan)
        ],
        "suggestions": [_suggestion_as_json(one) for one in verdict.suggestions],
        "elsewhere": [{"backend": one.plan.backend, "peak_bytes": round(one.peak)} for one in verdict.elsewhere],
    }


def _suggestion_as_json(suggestion: FitSuggestion) -> dict[str, object]:
    return {
        "set": dict(suggestion.overrides),
        "why": suggestion.why,
        "peak_bytes": round(suggestion.estimate.peak),
        "speed": round(suggestion.speed, 3),
    }


def format_verdicts(verdicts: list[FitVerdict], *, colour: bool) -> str:
    """The table, and below it the memory parts and the suggestions for each GPU."""
    table = _format_table([HEAD, *(_format_row(v) for v in verdicts)])
    return "\n".join([table, *(_format_details(v, colour=colour) for v in verdicts)])


def format_trial_verdicts(trials: dict[str, list[FitVerdict]], *, colour: bool) -> str:
    """One table of all trials of a sweep, and below it the details of the one that needs the most memory."""
    rows = [(name, *_format_row(verdict)) for name, verdicts in trials.items() for verdict in verdicts]
    name, largest = max(
        ((name, verdict) for name, verdicts in trials.items() for verdict in verdicts),
        key=lambda pair: pair[1].estimate.peak,
    )
    table = _format_table([("trial", *HEAD), *rows])
    return f"{table}\n\nThe largest, {name}:{_format_details(largest, colour=colour)}"


def _format_table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _format_row(verdict: FitVerdict) -> tuple[str, ...]:
    e = verdict.estimate
    gpus = f"{e.plan.hardware.world} x {e.gpu.name}" if e.plan.hardware.world > 1 else e.gpu.name
    peak = f"{format_gib(e.peak)} ({e.low / GIB:.1f} to {e.high / GIB:.1f})"
    speed = "?" if e.gpu.stated else f"{e.trained_tokens_per_second:,.0f}"
    return (
        verdict.backend.title, gpus, FIT_LABELS[e.check_fit()], peak, format_gib(e.usable),
        speed, _format_time(e), format_gib(e.disk.total, 0), format_gib(e.host_memory),
    )  # fmt: skip


def _format_time(e: Estimate) -> str:
    if e.gpu.stated:
        return "? (the GPU's rates are unknown)"
    if e.seconds is None or e.seconds_interval is None:
        return "unknown (no data read)"
    low, high = e.seconds_interval
    return f"{format_duration(e.seconds)} ({format_duration(low)} to {format_duration(high)})"


def format_duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`, `2.1 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def _format_details(verdict: FitVerdict, *, colour: bool) -> str:
    e = verdict.estimate
    title = f"\n{verdict.backend.title} on {e.gpu.name}: {FIT_LABELS[e.check_fit()]}"
    lines = [
        click.style(title, fg=FIT_COLOURS[e.check_fit()]) if colour else title,
        draw_memory_bar(e),
        *_format_legend(e),
        *_format_choices(e.plan),
    ]
    if verdict.suggestions:
        lines += ["", "Changes that make it fit, fastest first (those that change the training or the hardware last):"]
        lines += [_format_suggestion(offer) for offer in verdict.suggestions]
    elif e.check_fit() != "yes":
        lines += ["", _describe_larger_gpus(verdict)]
    if e.check_fit() != "yes" and _counts_full_length(e):
        full = f"{e.plan.training.sequence_length:,} tokens (`sequence_length`)"
        lines += ["", f"Estimated for examples of {full}; `recipes lock` measures yours, which may be shorter."]
    if verdict.elsewhere:
        fits = (f"{load_backend(one.plan.backend).title} ({format_gib(one.peak)})" for one in verdict.elsewhere)
        lines += ["", f"It fits in {', '.join(fits)}: `--backend {verdict.elsewhere[0].plan.backend}`."]
    return "\n".join(lines)


def _list_choices(plan: Plan) -> list[tuple[str, object, str]]:
    """Values that the recipe leaves open and that depend on speed: field, value and reason."""
    values = {value.field: value for value in list_plan_values(plan)}
    return [(field, values[field].value, reason) for field, reason in list_speed_choices(plan).items()]


def _format_choices(plan: Plan) -> list[str]:
    rows = [(field.split(".", 1)[1], str(value).lower(), reason) for field, value, reason in _list_choices(plan)]
    if not rows:
        return []
    name, size = (max(len(row[column]) for row in rows) for column in (0, 1))
    shared = next((row[2].split("; ")[0] for row in rows if row[2].startswith(f"{FASTEST}: ")), "")
    lines = [f"  {row[0]:<{name}}  {row[1]:<{size}}  {row[2].removeprefix(f'{shared}; ')}" for row in rows]
    chosen = f" ({shared})" if shared else ""
    return ["", f"Settings that the recipe leaves open{chosen}:", *lines]


def _counts_full_length(e: Estimate) -> bool:
    """Whether lengths that could be measured are not known."""
    measurable = e.plan.objective.type not in ("grpo", "ppo") and not e.plan.training.packing
    return e.rows is not None and not e.rows.lengths and measurable


def _describe_larger_gpus(verdict: FitVerdict) -> str:
    larger = [gpu.name for gpu in list_gpus_that_fit(verdict.estimate)][:MAX_LARGER_GPUS]
    instead = f"or a larger GPU ({', '.join(larger)})" if larger else "or more GPUs"
    tried = f"No change that was tried makes it fit in {verdict.backend.title}"
    return f"{tried}. Use a smaller model, {instead}."


def draw_memory_bar(e: Estimate) -> str:
    """The parts to scale, with the end of what is usable marked."""
    most = max(e.peak, e.usable)
    drawn = "".join(PART_MARKS[name] * round(size / most * BAR_WIDTH) for name, size in e.parts.as_dict().items())
    end = round(e.usable / most * BAR_WIDTH)
    return f"{drawn[:end].ljust(end)}|{drawn[end:]}"


def _format_legend(e: Estimate) -> list[str]:
    shown = {name: size for name, size in e.parts.as_dict().items() if size >= 0.005 * e.peak}
    return [f"  {PART_MARKS[name]} {name:<12} {size / GIB:7.2f} GiB" for name, size in shown.items()]


def _format_suggestion(suggestion: FitSuggestion) -> str:
    change = "same tokens/s" if abs(suggestion.speed - 1) < 0.005 else f"{suggestion.speed - 1:+.0%} tokens/s"
    return f"  {suggestion.command_line_options}   {format_gib(suggestion.estimate.peak)}, {change}: {suggestion.why}"
