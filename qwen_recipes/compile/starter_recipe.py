"""A first recipe for somebody's rows: one that fits the GPU, by the estimator, with what it was decided from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.value_formats import RawText, make_formatter
from qwen_recipes.data.detect_format import detect_file_format
from qwen_recipes.data.estimate_rows import BYTES_PER_TOKEN, estimate_rows
from qwen_recipes.data.sample_examples import estimate_split
from qwen_recipes.data.sample_lengths import sample_lengths
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.estimate import Estimate, TrainingRows, estimate_plan, suggest_fitting_changes
from qwen_recipes.estimate.gpu_models import GpuModel
from qwen_recipes.package_data import find_package_data
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve

OBJECTIVE_BY_FORMAT = {"preference": "dpo", "kto": "kto", "text": "pretrain"}
DEFAULT_EPOCHS = {"sft": 3, "pretrain": 1, "dpo": 1, "kto": 1, "orpo": 1, "simpo": 1, "reward": 1}
METHODS_TO_TRY = (("lora", "an adapter on bf16 weights"), ("qlora", "an adapter on 4-bit weights: bf16 would not fit"))
MIN_ROWS_TO_VALIDATE = 200
"""Rows from which a share is held out to validate on."""
GIB = 2**30


class NoStarterRecipeError(QwenRecipesError):
    """There is nothing to write a recipe for; the message says why."""


@dataclass(frozen=True)
class StarterRequest:
    """What a person asked for. `objective` None follows from the rows."""

    model: str
    data: Path
    gpu: GpuModel
    backend: Backend
    objective: str | None


@dataclass(frozen=True)
class StarterRecipe:
    """The recipe's text, and what it is estimated to take."""

    text: str
    estimate: Estimate


def make_starter_recipe(request: StarterRequest, folder: Path) -> StarterRecipe:
    """A recipe that lies in `folder` and fits. Raises NoStarterRecipeError, UnknownModelError, OSError, RecipeError."""
    layout = detect_file_format(request.data)
    if layout is None:
        raise NoStarterRecipeError(f"{request.data}: no layout of rows is known that has these keys")
    values = _choose_values(request, layout, folder)
    last = None
    for changes in _list_method_choices():
        tried = {**values, **changes}
        last = _make_attempt(request, tried, folder)
        if last.estimate.check_fit() == "yes":
            return _finish_recipe(request, tried, last, folder)
    if last is not None and (
        found := suggest_fitting_changes(last.plan, last.facts, request.gpu, request.backend, last.rows)
    ):
        return _finish_recipe(
            request, _apply_suggestion(tried, found[0].overrides), replace(last, estimate=found[0].estimate), folder
        )
    raise NoStarterRecipeError(
        f"{request.model} does not fit {request.gpu.name} in any way that a recipe can say: take a smaller model"
    )


@dataclass(frozen=True)
class _Attempt:
    plan: Any
    facts: Any
    rows: TrainingRows | None
    estimate: Estimate


def _list_method_choices() -> Iterator[dict[str, Any]]:
    for method, why in METHODS_TO_TRY:
        yield {"method": method, "method_why": why, "fitted": []}


def _choose_values(request: StarterRequest, layout: str, folder: Path) -> dict[str, Any]:
    objective = request.objective or OBJECTIVE_BY_FORMAT.get(layout, "sft")
    seen = estimate_rows([request.data])
    values = {
        "model": request.model,
        "data": os.path.relpath(request.data, folder),
        "layout": layout,
        "objective": objective,
        "epochs": DEFAULT_EPOCHS[objective],
        "validation": 0.05 if seen is None or seen[0] >= MIN_ROWS_TO_VALIDATE else None,
        "gpu": request.gpu.name,
        "backend": request.backend.name,
        "length": 2048,
        "length_why": "the rows were not measured",
        "fit": "",
        "method": "lora",
        "method_why": "",
        "fitted": [],
    }
    return values | _choose_sequence_length(request, values, folder)


def _choose_sequence_length(request: StarterRequest, values: dict[str, Any], folder: Path) -> dict[str, Any]:
    plan = resolve(_load_values(values, folder), request.backend)
    lengths = sample_lengths(plan, folder)
    if lengths is None or not lengths.count:
        return {}
    length = lengths.suggest_sequence_length(plan.model.max_positions)
    share = 1 - lengths.count_longer(length) / lengths.count
    why = f"{share:.1%} of the rows have no more tokens; the longest has {lengths.longest_row:,}"
    return {"length": length, "length_why": why}


def _estimate_rows(request: StarterRequest, plan: Plan, folder: Path) -> TrainingRows | None:
    seen = estimate_rows([request.data])
    if not seen:
        return None
    examples, share = estimate_split(plan, folder)
    return TrainingRows(round(seen[0] * examples), seen[1] * share / BYTES_PER_TOKEN)


def _make_attempt(request: StarterRequest, values: dict[str, Any], folder: Path) -> _Attempt:
    plan = resolve(_load_values(values, folder), request.backend)
    facts, rows = get_model_facts(plan.model.id, folder), _estimate_rows(request, plan, folder)
    return _Attempt(plan, facts, rows, estimate_plan(plan, facts, request.gpu, rows))


def _apply_suggestion(values: dict[str, Any], changes: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """The values with an offer's changes in the template's words."""
    made = dict(values, fitted=list(values["fitted"]))
    for path, value in changes:
        name = path.rpartition(".")[2]
        if path == "training.sequence_length":
            made |= {"length": value, "length_why": "longer rows would not fit"}
        elif path.startswith("training."):
            made["fitted"].append((RawText(name), value, RawText("without it, it would not fit")))
        elif path == "method.type":
            made |= {"method": value}
    return made


def _finish_recipe(request: StarterRequest, values: dict[str, Any], attempt: _Attempt, folder: Path) -> StarterRecipe:
    e = attempt.estimate
    values = {**values, "fit": f"estimated at {e.peak / GIB:.1f} GiB of the {e.usable / GIB:.1f} that are usable"}
    return StarterRecipe(render_recipe(values), e)


def _load_values(values: dict[str, Any], folder: Path) -> Any:
    """The recipe as it would be read from `folder`; nothing is left there."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=folder, prefix=".recipes-", encoding="utf-8") as file:
        file.write(render_recipe(values))
        file.flush()
        return load_recipe(file.name)


def render_recipe(values: dict[str, Any]) -> str:
    """The recipe's text."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(find_package_data("templates") / "recipe"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=make_formatter("yaml", marked=False),
    )
    raw = {name: RawText(value) for name, value in values.items() if name.endswith("_why") or name == "fit"}
    return environment.get_template("recipe.yaml.j2").render({**values, **raw})
