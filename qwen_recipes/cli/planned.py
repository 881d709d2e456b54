"""An estimate, shown: a table, the parts as a bar, and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.glance import BYTES_PER_TOKEN, glance, local_files
from qwen_recipes.estimate import Estimate, Offer, Rows, estimate, offers
from qwen_recipes.estimate.gpus import Gpu
from qwen_recipes.qwen.models import model_facts

GIB = 2**30
WIDTH = 48
MARKS = {
    "weights": "█", "adapter": "▓", "gradients": "▒", "optimizer": "░", "activations": "▞", "logits": "▚", "layer": "▚",
    "workspace": "▖", "reserve": "·",
}  # fmt: skip
WORDS = {"yes": "fits", "close": "may fit", "no": "does not fit"}
COLOURS = {"yes": "green", "close": "yellow", "no": "red"}


@dataclass(frozen=True)
class Verdict:
    """One backend and GPU."""

    backend: Backend
    estimate: Estimate
    offers: list[Offer]


def verdict(loaded: Any, plan: Plan, backend: Backend, gpu: Gpu) -> Verdict:
    """The estimate, and where it does not surely fit, what would make it."""
    facts, rows = model_facts(plan.model.id, loaded.folder), rows_of(plan, loaded.folder)
    made = estimate(plan, facts, gpu, rows)
    return Verdict(backend, made, offers(plan, facts, gpu, backend, rows) if made.fits() != "yes" else [])


def rows_of(plan: Plan, folder: Path) -> Rows | None:
    """A guess of the rows to train on, from the files' sizes; None where they are not all local JSONL."""
    paths: list[Path] = []
    for source in plan.data.train:
        found = local_files(folder, source.path) if source.path else []
        if not found:
            return None
        paths += found
    seen = glance(paths)
    return Rows(seen[0], seen[1] / BYTES_PER_TOKEN) if seen else None


def as_json(shown: Verdict) -> dict[str, Any]:
    """What a machine reads: bytes and seconds."""
    e = shown.estimate
    return {
        "backend": shown.backend.name,
        "gpu": e.gpu.name,
        "gpus": e.plan.hardware.world,
        "fits": e.fits(),
        "memory_bytes": {
            "usable": round(e.usable),
            "peak": round(e.peak),
            "low": round(e.low),
            "high": round(e.high),
            "parts": {name: round(size) for name, size in e.parts.as_dict().items()},
        },
        "trainable_parameters": e.load.trainable,
        "tokens_per_second": round(e.tokens_per_second),
        "steps": e.steps,
        "seconds": None if e.seconds is None else round(e.seconds),
        "seconds_interval": None if e.seconds_interval is None else [round(s) for s in e.seconds_interval],
        "disk_bytes": {name: round(size) for name, size in vars(e.disk).items()},
        "host_bytes": round(e.host),
        "offers": [_offer_json(offer) for offer in shown.offers],
    }


def _offer_json(offer: Offer) -> dict[str, Any]:
    return {
        "set": dict(offer.sets),
        "why": offer.why,
        "peak_bytes": round(offer.estimate.peak),
        "speed": round(offer.speed, 3),
    }


def as_text(verdicts: list[Verdict], *, colour: bool) -> str:
    """The table, and below it the parts and the offers of each."""
    head = ("", "GPU", "fits", "peak", "of", "tokens/s", "time", "disk", "host")
    rows = [head, *(_row(v) for v in verdicts)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    table = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join([table, *(_detail(v, colour=colour) for v in verdicts)])


def _row(v: Verdict) -> tuple[str, ...]:
    e = v.estimate
    gpus = f"{e.plan.hardware.world} x {e.gpu.name}" if e.plan.hardware.world > 1 else e.gpu.name
    peak = f"{gib(e.peak)} ({e.low / GIB:.1f} to {e.high / GIB:.1f})"
    return (
        v.backend.title, gpus, WORDS[e.fits()], peak, gib(e.usable),
        f"{e.tokens_per_second:,.0f}", _time(e), f"{e.disk.total / 1e9:.0f} GB", gib(e.host),
    )  # fmt: skip


def _time(e: Estimate) -> str:
    if e.seconds is None or e.seconds_interval is None:
        return "? (rows unknown)"
    low, high = e.seconds_interval
    return f"{duration(e.seconds)} ({duration(low)} to {duration(high)})"


def gib(size: float) -> str:
    """`12.3 GiB`."""
    return f"{size / GIB:.1f} GiB"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`, `2.1 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def _detail(v: Verdict, *, colour: bool) -> str:
    e = v.estimate
    title = f"\n{v.backend.title} on {e.gpu.name}: {WORDS[e.fits()]}"
    lines = [click.style(title, fg=COLOURS[e.fits()]) if colour else title, bar(e), *_legend(e)]
    if v.offers:
        lines += ["", "It would fit with one of these (the fastest first):"]
        lines += [_offer(offer) for offer in v.offers]
    elif e.fits() != "yes":
        lines += ["", "Nothing that a recipe can change makes it fit: take a smaller model, or a larger GPU."]
    return "\n".join(lines)


def bar(e: Estimate) -> str:
    """The parts to scale, with the end of what is usable marked."""
    most = max(e.peak, e.usable)
    drawn = "".join(MARKS[name] * round(size / most * WIDTH) for name, size in e.parts.as_dict().items())
    end = round(e.usable / most * WIDTH)
    return f"{drawn[:end].ljust(end)}|{drawn[end:]}"


def _legend(e: Estimate) -> list[str]:
    shown = {name: size for name, size in e.parts.as_dict().items() if size >= 0.005 * e.peak}
    return [f"  {MARKS[name]} {name:<12} {size / GIB:7.2f} GiB" for name, size in shown.items()]


def _offer(offer: Offer) -> str:
    change = f"{offer.speed - 1:+.0%} tokens/s"
    return f"  {offer.options}   {gib(offer.estimate.peak)}, {change}: {offer.why}"
