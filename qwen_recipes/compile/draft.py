"""A first recipe for somebody's rows: one that fits the GPU, by the estimator, with what it was decided from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_recipes.backends.base import Backend
from qwen_recipes.compile.scalars import Raw, printer
from qwen_recipes.data.glance import BYTES_PER_TOKEN, glance
from qwen_recipes.data.layouts import layout_of_file
from qwen_recipes.data.lengths import Lengths
from qwen_recipes.data.lengths_of import lengths_of
from qwen_recipes.estimate import Estimate, Rows, estimate, offers
from qwen_recipes.estimate.gpus import Gpu
from qwen_recipes.qwen.models import model_facts
from qwen_recipes.recipe.load import load
from qwen_recipes.resolve import resolve
from qwen_recipes.shipped import shipped

OBJECTIVES = {"preference": "dpo", "kto": "kto", "text": "pretrain"}
EPOCHS = {"sft": 3, "pretrain": 1, "dpo": 1, "kto": 1, "orpo": 1, "simpo": 1, "reward": 1}
METHODS = (("lora", "an adapter on bf16 weights"), ("qlora", "an adapter on 4-bit weights: bf16 would not fit"))
HELD_OUT_FROM = 200
"""Rows from which a share is held out to validate on."""
GIB = 2**30


class NoDraft(Exception):
    """There is nothing to write a recipe for; the message says why."""


@dataclass(frozen=True)
class Wish:
    """What a person asked for. `objective` None follows from the rows."""

    model: str
    data: Path
    gpu: Gpu
    backend: Backend
    objective: str | None


@dataclass(frozen=True)
class Draft:
    """The recipe's text, and what it is estimated to take."""

    text: str
    estimate: Estimate


def draft(wish: Wish, folder: Path) -> Draft:
    """A recipe that lies in `folder` and fits. Raises NoDraft, UnknownModel, OSError, RecipeError."""
    layout = layout_of_file(wish.data)
    if layout is None:
        raise NoDraft(f"{wish.data}: no layout of rows is known that has these keys")
    values = _values(wish, layout, folder)
    last = None
    for changes in _attempts():
        tried = {**values, **changes}
        last = _estimated(wish, tried, folder)
        if last.estimate.fits() == "yes":
            return _said(wish, tried, last, folder)
    if last is not None and (found := offers(last.plan, last.facts, wish.gpu, wish.backend, last.rows)):
        return _said(wish, _with(tried, found[0].sets), replace(last, estimate=found[0].estimate), folder)
    raise NoDraft(f"{wish.model} does not fit {wish.gpu.name} in any way that a recipe can say: take a smaller model")


@dataclass(frozen=True)
class _Tried:
    plan: Any
    facts: Any
    rows: Rows | None
    estimate: Estimate


def _attempts() -> Iterator[dict[str, Any]]:
    for method, why in METHODS:
        yield {"method": method, "method_why": why, "fitted": []}


def _values(wish: Wish, layout: str, folder: Path) -> dict[str, Any]:
    objective = wish.objective or OBJECTIVES.get(layout, "sft")
    seen = glance([wish.data])
    values = {
        "model": wish.model,
        "data": os.path.relpath(wish.data, folder),
        "layout": layout,
        "objective": objective,
        "epochs": EPOCHS[objective],
        "validation": 0.05 if seen is None or seen[0] >= HELD_OUT_FROM else None,
        "gpu": wish.gpu.name,
        "backend": wish.backend.name,
        "length": 2048,
        "length_why": "the rows were not measured",
        "fit": "",
        "method": "lora",
        "method_why": "",
        "fitted": [],
    }
    return values | _length(wish, values, folder)


def _length(wish: Wish, values: dict[str, Any], folder: Path) -> dict[str, Any]:
    plan = resolve(_loaded(values, folder), wish.backend)
    lengths = lengths_of(plan, folder)
    if lengths is None or not lengths.count:
        return {}
    length = lengths.proposal(plan.model.max_positions)
    share = 1 - lengths.longer(length) / lengths.count
    why = f"{share:.1%} of the rows have no more tokens; the longest has {lengths.longest:,}"
    return {"length": length, "length_why": why}


def _rows(wish: Wish, lengths: Lengths | None = None) -> Rows | None:
    seen = glance([wish.data])
    return Rows(seen[0], seen[1] / BYTES_PER_TOKEN) if seen else None


def _estimated(wish: Wish, values: dict[str, Any], folder: Path) -> _Tried:
    plan = resolve(_loaded(values, folder), wish.backend)
    facts, rows = model_facts(plan.model.id, folder), _rows(wish)
    return _Tried(plan, facts, rows, estimate(plan, facts, wish.gpu, rows))


def _with(values: dict[str, Any], sets: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """The values with an offer's changes in the template's words."""
    made = dict(values, fitted=list(values["fitted"]))
    for path, value in sets:
        name = path.rpartition(".")[2]
        if path == "training.sequence_length":
            made |= {"length": value, "length_why": "longer rows would not fit"}
        elif path.startswith("training."):
            made["fitted"].append((Raw(name), value, Raw("without it, it would not fit")))
        elif path == "method.type":
            made |= {"method": value}
    return made


def _said(wish: Wish, values: dict[str, Any], tried: _Tried, folder: Path) -> Draft:
    e = tried.estimate
    values = {**values, "fit": f"estimated at {e.peak / GIB:.1f} GiB of the {e.usable / GIB:.1f} that are usable"}
    return Draft(render(values), e)


def _loaded(values: dict[str, Any], folder: Path) -> Any:
    """The recipe as it would be read from `folder`; nothing is left there."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=folder, prefix=".recipes-", encoding="utf-8") as file:
        file.write(render(values))
        file.flush()
        return load(file.name)


def render(values: dict[str, Any]) -> str:
    """The recipe's text."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(shipped("templates") / "recipe"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=printer("yaml", marked=False),
    )
    raw = {name: Raw(value) for name, value in values.items() if name.endswith("_why") or name == "fit"}
    return environment.get_template("recipe.yaml.j2").render({**values, **raw})
