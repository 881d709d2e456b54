"""The optimizer: its class, its groups, and whether it has every trainable tensor once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .plain import list_settings, name_class, to_plain


def observe_optimizer(trainer: Any) -> dict[str, Any]:
    """Class, options and names of each group; trainable tensors in no group or several, frozen ones in any.

    `settings` are the optimizer's own (bitsandbytes: `optim_bits`, `is_paged`).
    """
    optimizer = unwrap_optimizer(trainer.optimizer)
    names = {id(weight): name for name, weight in trainer.model.named_parameters()}
    trainable = {name for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    groups = [_describe_group(group, names) for group in optimizer.param_groups]
    held = Counter(name for group in groups for name in group["names"])
    return {
        "class": name_class(optimizer),
        "bases": [f"{cls.__module__}.{cls.__qualname__}" for cls in type(optimizer).__mro__[1:-1]],
        "defaults": to_plain(getattr(optimizer, "defaults", {})),
        "settings": {**list_settings(optimizer), **list_settings(getattr(optimizer, "args", None))},
        "groups": groups,
        "in_none": sorted(trainable - held.keys()),
        "in_several": sorted(name for name, times in held.items() if times > 1),
        "frozen": sorted(held.keys() - trainable),
    }


def unwrap_optimizer(optimizer: Any) -> Any:
    """The optimizer inside Accelerate's wrapper."""
    while type(optimizer).__name__ == "AcceleratedOptimizer":
        optimizer = optimizer.optimizer
    return optimizer


def _describe_group(group: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    found = [names.get(id(weight), f"unknown tensor {list(weight.shape)}") for weight in group["params"]]
    options = {key: to_plain(value) for key, value in group.items() if key not in ("params", "param_names")}
    return {"options": options, "names": found}
