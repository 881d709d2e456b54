"""What no recipe can mean: fields that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.recipe.finding import Finding, Route
from qwen_recipes.recipe.spec import Recipe

_ADAPTER_FIELDS = ("variant", "rank", "alpha", "dropout", "targets", "rslora")


def contradictions(recipe: Recipe) -> list[Finding]:
    """Every pair of fields that can't both be meant."""
    return [*_length(recipe), *_adapter(recipe), *_place(recipe), *_stopping(recipe)]


def _error(route: Route, message: str, instead: str, why: str = "") -> Finding:
    return Finding("recipe", "error", message, route, why=why, instead=instead)


def _length(recipe: Recipe) -> Iterator[Finding]:
    training = recipe.training
    if training and training.epochs is not None and training.steps is not None:
        yield _error(
            ("training", "steps"), "`training.steps` and `training.epochs` are both set", "keep one of the two"
        )


def _adapter(recipe: Recipe) -> Iterator[Finding]:
    method, quantization = recipe.method, recipe.quantization
    if method and method.type == "full":
        for name in _ADAPTER_FIELDS:
            if getattr(method, name) is not None:
                yield _error(
                    ("method", name),
                    f"`method.{name}` belongs to an adapter, and `full` trains every weight",
                    "remove it, or write `type: lora`",
                )
        if quantization is not None:
            yield _error(
                ("quantization",),
                "a quantized model can't be trained in full",
                "remove `quantization`, or write `method: qlora`",
                "quantized weights have no gradient",
            )
    if method and method.type in ("dora", "qdora") and method.variant == "plain":
        yield _error(("method", "variant"), f"`{method.type}` is DoRA and `plain` is not", "remove `variant`")
    if quantization and quantization.bits == 8:
        for name in ("type", "double", "storage"):
            if getattr(quantization, name) is not None:
                yield _error(
                    ("quantization", name), f"`quantization.{name}` is for 4 bits", "remove it, or write `bits: 4`"
                )


def _place(recipe: Recipe) -> Iterator[Finding]:
    hardware = recipe.hardware
    if hardware is None:
        return
    several = (hardware.gpus or 1) > 1
    if hardware.device == "cpu":
        for name in ("gpu", "gpus"):
            if getattr(hardware, name) is not None:
                yield _error(("hardware", name), f"`hardware.{name}` is set and `device` is cpu", "keep one")
        if hardware.strategy not in (None, "auto", "single"):
            yield _error(("hardware", "strategy"), "on the CPU one process trains", "remove `strategy`")
    elif several and hardware.strategy == "single":
        yield _error(("hardware", "strategy"), f"`single` uses one GPU of {hardware.gpus}", "write `auto`")
    elif not several and hardware.strategy == "ddp":
        yield _error(("hardware", "strategy"), "`ddp` needs at least two GPUs", "set `gpus`, or write `auto`")


def _stopping(recipe: Recipe) -> Iterator[Finding]:
    training = recipe.training
    if training is None or recipe.data.validation is not None:
        return
    for name in ("early_stopping", "evaluate_every"):
        if getattr(training, name) is not None:
            yield _error(
                ("training", name),
                f"`training.{name}` needs something to evaluate on",
                "add `validation: 0.05` under `data`",
            )
