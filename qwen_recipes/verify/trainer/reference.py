"""What the trained model is compared with: another model, an adapter, or itself without its adapter."""

from __future__ import annotations

from typing import Any

from .adapters import UPDATE, compute_effective_weights, describe_adapters, find_peft_model, list_active_adapters
from .modules import count_dropouts
from .weights import compute_base_digest

MODELS = ("ref_model", "teacher_model")
"""Where a trainer holds a model to compare with: of preferences, and of distillation."""
TEACHER_WITHOUT_ADAPTER = "_teacher_use_disable_adapter"
"""Whether ms-swift distills from the trained model itself, its adapter turned off."""
ADAPTERS = ("ref", "reference")
"""Names that TRL and ms-swift give to a reference adapter."""
MOST_NUMBERS = 500_000_000
COMPARING = ("DPOTrainer", "KTOTrainer", "GRPOTrainer")
WITHOUT = ("orpo", "simpo", "cpo")
"""Losses that compare with nothing, which LLaMA-Factory computes in its DPO trainer."""


def observe_reference(trainer: Any) -> dict[str, Any]:
    """`kind`: `none`, `model` (another), `adapter` (named), `base` (the model with its adapter turned off).

    `largest_difference` is that of any of its weights from the trained model's as training finds it: 0 where the
    reference is the start, None where there is no reference or a model is too large to compare.
    """
    model = next((held for name in MODELS if (held := getattr(trainer, name, None)) is not None), None)
    adapter = _find_adapter(trainer)
    kind = _find_kind(trainer, model, adapter)
    found = {"kind": kind, "adapter": adapter, "beta": getattr(trainer, "beta", None)}
    found["largest_difference"] = None if kind == "none" else _compute_largest_difference(trainer.model, model, adapter)
    return found if model is None else {**found, **_describe_model(model)}


def _compute_largest_difference(trained: Any, model: Any, adapter: str | None) -> float | None:
    if sum(weight.numel() for weight in trained.parameters()) > MOST_NUMBERS:
        return None
    start = compute_effective_weights(trained, _find_active(trained))
    other = (
        compute_effective_weights(trained, adapter)
        if model is None
        else compute_effective_weights(model, _find_active(model))
    )
    both = [(weight, other[name]) for name, weight in start.items() if name in other]
    alone = [weight for one, two in ((start, other), (other, start)) for weight in _list_updates(one, two)]
    return max(float(off.abs().max()) for off in [*(one.float() - two.float() for one, two in both), *alone])


def _list_updates(one: dict[str, object], other: dict[str, object]) -> list[object]:
    """Updates of packed weights that only one of two models has; the other adds 0."""
    return [update for name, update in one.items() if name.endswith(UPDATE) and name not in other]


def _find_active(model: object) -> str | None:
    peft = find_peft_model(model)
    return next(iter(list_active_adapters(peft)), None) if peft is not None else None


def _find_adapter(trainer: Any) -> str | None:
    told = getattr(trainer, "ref_adapter_name", None)
    if told:
        return str(told)
    peft = find_peft_model(trainer.model)
    names = peft.peft_config if peft is not None else ()
    return next((name for name in ADAPTERS if name in names), None)


def _find_kind(trainer: Any, model: Any, adapter: str | None) -> str:
    if model is not None:
        return "model"
    if getattr(trainer, TEACHER_WITHOUT_ADAPTER, False):
        return "base"
    if not _is_comparing(trainer):
        return "none"
    if adapter is not None:
        return "adapter"
    return "none" if find_peft_model(trainer.model) is None else "base"


def _is_comparing(trainer: object) -> bool:
    names = [cls.__name__ for cls in type(trainer).__mro__]
    comparing = any(name.endswith(COMPARING) for name in names)
    return comparing and getattr(trainer, "loss_type", None) not in WITHOUT and getattr(trainer, "beta", None) != 0


def _describe_model(model: Any) -> dict[str, Any]:
    inner = getattr(model, "module", model)
    return {
        "base": compute_base_digest(inner),
        "adapters": describe_adapters(inner),
        "dropout": count_dropouts(inner),
        "training": inner.training,
        "trainable": sum(1 for weight in inner.parameters() if weight.requires_grad),
    }
