"""Which options of a merge apply to what is merged, and to the way of combining."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.recipe.spec.stages import Merge

ADAPTER_METHODS = ("cat", "linear", "svd", "ties", "dare_linear", "dare_ties")
MODEL_METHODS = ("linear", "slerp", "task_arithmetic", "ties", "dare_linear", "dare_ties")
COMBINE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "rank": ("svd",),
    "density": ("ties", "dare_linear", "dare_ties"),
    "seed": ("dare_linear", "dare_ties"),
    "base": ("task_arithmetic", "ties", "dare_linear", "dare_ties"),
}
"""Options of a merge, and the ways of combining that read them; `base` is for models alone."""


def find_merge_problems(merge: Merge, count: int) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a merge of `count` adapters or models: the field, the message, and the suggestion."""
    yield from _find_model_problems(merge) if merge.models is not None else _find_adapter_problems(merge, count)
    for name, methods in COMBINE_FIELDS.items():
        if getattr(merge, name) is not None and merge.combine not in methods:
            message = f"`merge.{name}` does not apply to `{merge.combine or get_default_method(merge)}`"
            yield name, message, f"combine: {' or '.join(methods)}"


def get_default_method(merge: Merge) -> str:
    """How several become one where the merge does not say."""
    return "cat" if merge.models is None else "linear"


def _find_adapter_problems(merge: Merge, count: int) -> Iterator[tuple[str, str, str]]:
    if merge.combine is not None and merge.combine not in ADAPTER_METHODS:
        yield "combine", f"`combine: {merge.combine}` merges whole models", "models: [STAGE, STAGE]"
    elif count == 1 and merge.combine not in (None, "cat"):
        message = f"`combine: {merge.combine}` needs several adapters"
        yield "combine", message, "remove it, or list them under `adapters`"
    elif merge.base is not None and merge.combine in COMBINE_FIELDS["base"]:
        yield "base", "`merge.base` is for whole models: an adapter's base is the model it was trained on", "remove it"


def _find_model_problems(merge: Merge) -> Iterator[tuple[str, str, str]]:
    assert merge.models is not None
    if merge.adapters is not None:
        yield "models", "adapters and models cannot be merged together", "keep `adapters` or `models`"
    if merge.into is not None:
        yield "into", "`merge.into` is for adapters: whole models become one model", "remove it"
    if merge.combine is not None and merge.combine not in MODEL_METHODS:
        yield "combine", f"`combine: {merge.combine}` merges adapters", f"use one of: {', '.join(MODEL_METHODS)}"
    weights = [1.0 if one.weight is None else one.weight for one in merge.models]
    for message in find_weight_problems(merge.combine or "linear", weights):
        yield "models", message, "change the weights, or `combine`"


def find_weight_problems(method: str, weights: list[float]) -> Iterator[str]:
    """Why models cannot be merged by a method with these weights."""
    if method == "slerp" and len(weights) != 2:
        yield f"slerp merges two models, not {len(weights)}"
    if method == "slerp" and min(weights) < 0:
        yield "slerp needs weights of 0 or more"
    if method in ("slerp", "linear") and sum(weights) == 0:
        yield f"{method} divides by the sum of the weights, which is 0"
