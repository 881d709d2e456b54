"""A first recipe for somebody's rows: it lints clean and fits the GPU, with what it was decided from.

What is written is what was tried: each draft is text, and that text is loaded, resolved, linted and estimated.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from qwen_recipes.backends.base import Backend
from qwen_recipes.compile.starter_alternatives import describe_alternatives
from qwen_recipes.compile.starter_rows import explain_untrainable_rows
from qwen_recipes.compile.value_formats import RawText, format_yaml, make_formatter
from qwen_recipes.data.detect_format import detect_file_format, explain_unknown_layout
from qwen_recipes.data.estimate_rows import estimate_rows
from qwen_recipes.data.sample_lengths import sample_lengths
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.estimate import Estimate, FitSuggestion
from qwen_recipes.finding import Finding
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.guards import run_guards
from qwen_recipes.guards.trial import suggest_tried_changes
from qwen_recipes.guards.unsupported import find_unsupported
from qwen_recipes.package_data import find_package_data
from qwen_recipes.recipe.load import LoadedRecipe, load_recipe_text
from qwen_recipes.resolve import BackendRecipe, resolve
from qwen_recipes.sizes import GIB

OBJECTIVE_BY_FORMAT = {"preference": "dpo", "kto": "kto", "text": "pretrain"}
DEFAULT_EPOCHS = {"sft": 3, "pretrain": 1, "dpo": 1, "kto": 1, "orpo": 1, "simpo": 1, "reward": 1}
METHODS_TO_TRY = (
    ("lora", "adapter on a 16-bit base"),
    ("qlora", "adapter on a 4-bit base; a 16-bit base does not fit"),
)
MIN_ROWS_TO_VALIDATE = 200
"""Rows from which a share is held out to validate on."""


class NoStarterRecipeError(QwenRecipesError):
    """There is nothing to write a recipe for; the message says why."""


@dataclass(frozen=True)
class StarterRequest:
    """What a person asked for. `objective` None follows from the rows.

    `gpu_source` says where the GPU's name comes from where the person did not name it; `gpus` are on this machine.
    """

    model: str
    data: Path
    gpu: GpuModel
    backend: Backend
    objective: str | None
    gpu_source: str = ""
    gpus: int = 1


@dataclass(frozen=True)
class StarterRecipe:
    """The recipe's text, and its estimate."""

    text: str
    estimate: Estimate


@dataclass(frozen=True)
class Draft:
    """A recipe that was tried: its values and text, what lint says against it, and its estimate."""

    values: dict[str, Any]
    text: str
    recipe: BackendRecipe
    estimate: Estimate
    problems: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether it fits and lints clean: no error and no warning."""
        return not self.problems and self.estimate.check_fit() == "yes"


def make_starter_recipe(request: StarterRequest, folder: Path) -> StarterRecipe:
    """A recipe that lies in `folder`, lints clean and fits.

    Raises NoStarterRecipeError, UnknownModelError, OSError, RecipeError.
    """
    layout = detect_file_format(request.data)
    if layout is None:
        raise NoStarterRecipeError(f"{request.data}: {explain_unknown_layout(request.data)}")
    if layout == "prompt":
        raise NoStarterRecipeError(
            f"{request.data}: prompts without answers; `objective: grpo` trains on them and needs reward functions, "
            "which `init` does not write; see examples/grpo.yaml"
        )
    values = choose_values(request, layout, folder)
    tried: list[Draft] = []
    for draft in _iterate_drafts(request, values, folder):
        if draft.good:
            return _finish_recipe(request, draft, folder)
        tried.append(draft)
    _raise_without_recipe(request, tried)


def _raise_without_recipe(request: StarterRequest, tried: list[Draft]) -> NoReturn:
    unfit = [draft for draft in tried if not draft.problems]
    if not unfit and not request.backend.takes_any_recipe:
        needed = ", ".join(
            f"`{field}: {format_yaml(value)}`" for field, value in request.backend.required_values.items()
        )
        raise NoStarterRecipeError(
            f"`init` writes no recipe for {request.backend.title}, which needs values of its own: write one for "
            f"another framework, then set {needed} and `run.backend: {request.backend.name}` in it"
        )
    if not unfit:
        said = "; ".join(dict.fromkeys(f"{f.code}: {f.message}" for draft in tried for f in draft.problems))
        raise NoStarterRecipeError(f"no valid recipe found for {request.model} on {request.gpu.name}: {said}")
    least = min(unfit, key=lambda draft: draft.estimate.peak)
    size = (
        f"at least {least.estimate.peak / GIB:.0f} GiB are needed, {least.estimate.usable / GIB:.0f} GiB are available"
    )
    raise NoStarterRecipeError(
        f"{request.model} does not fit {request.gpu.name}: {size}. "
        f"{describe_alternatives(least.recipe.loaded, request.backend, least.estimate)}"
    )


def _iterate_drafts(request: StarterRequest, values: dict[str, object], folder: Path) -> Iterator[Draft]:
    """The methods as they are, then each with what would make it fit."""
    plain = []
    for method, why in METHODS_TO_TRY:
        plain.append(make_draft(request, {**values, "method": method, "method_why": why}, folder))
        yield plain[-1]
    for draft in reversed(plain):
        for suggestion in _list_suggestions(request, draft):
            yield make_draft(request, apply_suggestion(draft.values, suggestion), folder)


def _list_suggestions(request: StarterRequest, draft: Draft) -> list[FitSuggestion]:
    found = suggest_tried_changes(draft.recipe, request.gpu)
    return [one for one in found if dict(one.overrides).get("hardware.gpus", 1) <= request.gpus]


def choose_values(request: StarterRequest, layout: str, folder: Path) -> dict[str, object]:
    """What the recipe says before anything is fitted. Raises NoStarterRecipeError for rows without a trainable one."""
    objective = request.objective or OBJECTIVE_BY_FORMAT.get(layout, "sft")
    seen = estimate_rows([request.data])
    values = {
        "model": request.model,
        "data": os.path.relpath(request.data, folder),
        "layout": layout,
        "objective": objective,
        "epochs": DEFAULT_EPOCHS[objective],
        "validation": 0.05 if seen is None or seen[0] >= MIN_ROWS_TO_VALIDATE else None,
        "gpu": _write_gpu(request.gpu),
        "environment_why": request.gpu.outside_cuda_wheels,
        "backend": request.backend.name,
        "length": 2048,
        "length_why": "default; the data was not measured",
        "fit": "",
        "method": "lora",
        "method_why": "",
        "fitted": _choose_precision(request.gpu),
        "hardware": [],
    }
    return values | _measure_rows(request, values, layout, folder)


def _write_gpu(gpu: GpuModel) -> object:
    if not gpu.stated:
        return gpu.name
    return RawText(f"{{memory: {gpu.memory:g} GiB, bf16: {str(gpu.supports_bf16).lower()}}}")


def _choose_precision(gpu: GpuModel) -> list[tuple[RawText, object, RawText]]:
    if gpu.supports_bf16:
        return []
    return [(RawText("precision"), "fp32", RawText(f"{gpu.name} has no bf16; fp16 overflows with Qwen3"))]


def _measure_rows(request: StarterRequest, values: dict[str, object], layout: str, folder: Path) -> dict[str, object]:
    """The sequence length, and validation only where rows are left to train on."""
    plan = resolve(_load_text(render_recipe(values), folder), request.backend)
    variant = plan.chat.template if plan.chat.official else "hybrid"
    if why := explain_untrainable_rows(request.data, layout, variant):
        raise NoStarterRecipeError(f"{request.data}: no usable example: {why}; run `recipes data check {request.data}`")
    sampled = sample_lengths(plan, folder)
    lengths = sampled.histogram if sampled else None
    if lengths is None or not lengths.count:
        return {}
    if not lengths.loss_tokens:
        raise NoStarterRecipeError(f"{request.data}: no usable example: none has a token in the loss")
    length = lengths.suggest_sequence_length(plan.model.max_positions)
    share = 1 - lengths.count_longer(length) / lengths.count
    why = f"holds {share:.1%} of the examples; the longest has {lengths.longest_row:,} tokens"
    found = {"length": length, "length_why": why}
    return found if lengths.count >= MIN_ROWS_TO_VALIDATE else found | {"validation": None}


def make_draft(request: StarterRequest, values: dict[str, object], folder: Path) -> Draft:
    """The recipe of these values, loaded, resolved, linted and estimated."""
    text = render_recipe(values)
    recipe = BackendRecipe(_load_text(text, folder), request.backend)
    plan, loaded = recipe.plan, recipe.loaded
    found = [*run_guards(plan, loaded, request.backend), *find_unsupported(plan, loaded, request.backend)]
    problems = [one for one in found if one.severity != "advice" and one.code != "QR601"]
    return Draft(values, text, recipe, recipe.estimate(request.gpu), problems)


def apply_suggestion(values: dict[str, Any], suggestion: FitSuggestion) -> dict[str, Any]:
    """The values with every change of a suggestion, in the template's words."""
    made = dict(values, fitted=list(values["fitted"]), hardware=list(values["hardware"]))
    for path, value in suggestion.overrides:
        part, _, name = path.partition(".")
        entry = (RawText(name), value, RawText("needed to fit"))
        if path == "training.sequence_length":
            made |= {"length": value, "length_why": "longer examples do not fit"}
        elif path == "method.type":
            made |= {"method": value, "method_why": suggestion.why}
        elif part in ("training", "hardware"):
            made["fitted" if part == "training" else "hardware"].append(entry)
        else:
            raise AssertionError(f"no place for {path} in a starter recipe")
    return made


def _finish_recipe(request: StarterRequest, draft: Draft, folder: Path) -> StarterRecipe:
    e = draft.estimate
    said = f"estimated at {e.peak / GIB:.1f} GiB; {e.usable / GIB:.1f} GiB are available"
    fit = f"{request.gpu_source}; {said}" if request.gpu_source else said
    last = make_draft(request, {**draft.values, "fit": fit}, folder)
    return StarterRecipe(last.text, last.estimate)


def _load_text(text: str, folder: Path) -> LoadedRecipe:
    """The recipe as it would be read from `folder`."""
    return load_recipe_text(text, str(folder / "recipe.yaml"), folder)


def render_recipe(values: dict[str, object]) -> str:
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
