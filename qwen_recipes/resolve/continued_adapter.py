"""The adapter that training goes on with: what the recipe leaves open is taken over, what contradicts is an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.qwen.adapter_folder import (
    AdapterFacts,
    AdapterFolderError,
    AdapterPlace,
    find_adapter,
    may_be_adapter_id,
    read_adapter_facts,
)
from qwen_recipes.qwen.models import ModelFacts
from qwen_recipes.recipe.spec.method import Method
from qwen_recipes.resolve.decisions import PlanDecisions

_OTHER_MODULES = ("lm_head", "embed_tokens", "gate")
"""Linear modules that Qwen3 has and that `all-linear` leaves out: `gate` is the router of experts."""
_KEPT = "frameworks use the settings of the saved adapter and ignore those of the recipe silently"


FindPlanned = Callable[[Path], AdapterFacts | None]
"""The adapter that an earlier run will write to a folder."""


def continue_adapter(
    method: Method, facts: ModelFacts, folder: Path, decisions: PlanDecisions, find_planned: FindPlanned
) -> Method:
    """The method with all that the saved adapter settles. The same where there is none, or not yet.

    A folder that does not exist may be the output of a run that has not begun: `find_planned` says what it will hold.
    """
    if not method.start_from or method.type in ("full", "freeze"):
        return method
    place = find_adapter(method.start_from, folder, method.start_from_revision)
    _check_revision(method, place, decisions)
    try:
        saved = (
            read_adapter_facts(place.folder, needs_weights=not place.cached)
            if place
            else find_planned(folder / expand_home(method.start_from))
        )
    except AdapterFolderError as error:
        message, _, instead = str(error).partition("; ")
        decisions.report_problem(("method", "start_from"), message, instead, "the adapter cannot be continued")
        return method
    if saved is None:
        return method
    _check_modules(method, saved, facts, decisions)
    _check_contradictions(method, saved, facts, decisions)
    return _take_over(method, saved, facts)


def _check_revision(method: Method, adapter: AdapterPlace | None, decisions: PlanDecisions) -> None:
    is_folder = not adapter.cached if adapter else not may_be_adapter_id(method.start_from or "")
    if method.start_from_revision is not None and is_folder:
        decisions.report_problem(
            ("method", "start_from_revision"),
            f"{method.start_from} is a folder, which has no revision",
            "remove `start_from_revision`, or start from a hub id",
        )


def explain_taken_over(method: Method, in_recipe: Method, decisions: PlanDecisions) -> None:
    """Give each value that was taken over its reason."""
    if method is in_recipe:
        return
    for name in ("rank", "alpha", "dropout", "targets", "rslora", "variant", "modules_to_save"):
        if getattr(in_recipe, name) in (None, "auto") and not (
            name == "variant" and in_recipe.type in ("dora", "qdora")
        ):
            decisions.derive_value(f"method.{name}", None, f"as saved in {in_recipe.start_from}", "method.start_from")


def _take_over(method: Method, saved: AdapterFacts, facts: ModelFacts) -> Method:
    alpha = int(saved.alpha) if float(saved.alpha).is_integer() else saved.alpha
    targets = list(saved.targets) or method.targets
    return method.model_copy(
        update={
            "rank": saved.rank,
            "alpha": alpha,
            "dropout": saved.dropout,
            "targets": targets,
            "rslora": saved.rslora,
            "variant": None if method.type in ("dora", "qdora") else saved.variant,
            "layers": _count_last_layers(saved, facts) or method.layers,
            "modules_to_save": list(saved.modules_to_save) or None,
        }
    )


def _count_last_layers(saved: AdapterFacts, facts: ModelFacts) -> int | None:
    count = len(saved.layers)
    return count if saved.layers and saved.layers == tuple(range(facts.layers - count, facts.layers)) else None


def _check_modules(method: Method, saved: AdapterFacts, facts: ModelFacts, decisions: PlanDecisions) -> None:
    """Report modules and layers of the adapter that the model does not have: their weights would be lost silently."""
    unknown = [f"`{name}`" for name in saved.targets if name not in (*facts.linear_modules, *_OTHER_MODULES)]
    unknown += [f"layer {number}" for number in saved.layers if not 0 <= number < facts.layers]
    if unknown:
        message = f"the adapter in {method.start_from} is on {', '.join(unknown)}, which {facts.id} does not have"
        why = "it was trained on another model: its weights would be dropped silently, or loading fails"
        decisions.report_problem(("method", "start_from"), message, "an adapter of this model", why)


def _check_contradictions(method: Method, saved: AdapterFacts, facts: ModelFacts, decisions: PlanDecisions) -> None:
    for name, asked, found in _list_pairs(method, saved, facts):
        if asked != found:
            message = f"`method.{name}` is {_show(asked)}, but the adapter in {method.start_from} has {_show(found)}"
            instead = f"{name}: {_show(found)}, or remove `start_from` to train a new adapter"
            decisions.report_problem(("method", name), message, instead, _KEPT)


def _list_pairs(method: Method, saved: AdapterFacts, facts: ModelFacts) -> list[tuple[str, object, object]]:
    """Each field that the recipe states, with its value there and in the adapter."""
    stated: list[tuple[str, Any, Any]] = [
        (name, getattr(method, name), getattr(saved, name))
        for name in ("rank", "alpha", "dropout")
        if getattr(method, name) is not None
    ]
    if isinstance(method.rslora, bool):
        stated.append(("rslora", method.rslora, saved.rslora))
    if method.variant is not None:
        stated.append(("variant", method.variant, saved.variant))
    elif method.type in ("dora", "qdora") and saved.variant != "dora":
        stated.append(("type", method.type, {"dora": "lora", "qdora": "qlora"}[method.type]))
    if method.modules_to_save is not None:
        stated.append(("modules_to_save", sorted(method.modules_to_save), sorted(saved.modules_to_save)))
    if method.targets is not None and saved.targets:
        targets = facts.linear_modules if method.targets == "all-linear" else method.targets
        stated.append(("targets", sorted(targets), sorted(saved.targets)))
    if method.layers is not None:
        stated.append(("layers", method.layers, _count_last_layers(saved, facts) or facts.layers))
    return stated


def _show(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        f"[{', '.join(value)}]" if isinstance(value, list) else f"{value:g}" if isinstance(value, float) else str(value)
    )
