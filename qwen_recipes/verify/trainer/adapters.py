"""Adapters of a PEFT model: what they are configured as, and what they hold."""

from __future__ import annotations

from typing import Any

from .plain import to_plain
from .weights import compute_digest, is_base, name_dtype, strip_wrappers, sum_absolute_values

UPDATE = " (update)"


def observe_adapters(trainer: Any) -> dict[str, Any]:
    """Each adapter of the trained model, by name, and which are active."""
    return describe_adapters(trainer.model)


def describe_adapters(model: object) -> dict[str, object]:
    """Each adapter of a model by name; `active` are those that the forward pass uses. Empty without PEFT."""
    peft = find_peft_model(model)
    if peft is None:
        return {}
    by_name = {name: _describe_adapter(peft, name, config) for name, config in peft.peft_config.items()}
    return {"active": to_plain(list_active_adapters(peft)), "by_name": by_name}


def list_active_adapters(peft: object) -> list[str]:
    """Names of the adapters that the forward pass uses."""
    found = getattr(peft, "active_adapters", ())
    return list(found() if callable(found) else found)


def find_peft_model(model: Any) -> Any:
    """The model that holds adapters: itself, or what a value head is put on; None where there are none."""
    inner = getattr(model, "pretrained_model", model)
    held = any("lora_" in name for name, _ in inner.named_parameters())  # a merged model keeps its `peft_config`
    return inner if held and getattr(inner, "peft_config", None) else None


def _describe_adapter(model: Any, adapter: str, config: Any) -> dict[str, Any]:
    matrices = {part: _list_tensors(model, adapter, part) for part in ("lora_A", "lora_B", "lora_magnitude_vector")}
    return {
        "config": to_plain(config.to_dict()),
        "scaling": sorted(_find_scalings(model, adapter)),
        "dtypes": sorted({name_dtype(weight) for held in matrices.values() for _, weight in held}),
        "trainable": any(weight.requires_grad for held in matrices.values() for _, weight in held),
        "A": _describe_matrices(matrices["lora_A"]),
        "B": _describe_matrices(matrices["lora_B"]),
        "magnitude": _describe_matrices(matrices["lora_magnitude_vector"]),
        "saved_modules": _describe_matrices(_list_tensors(model, adapter, "modules_to_save")),
    }


def _list_tensors(model: Any, adapter: str, part: str) -> list[tuple[str, Any]]:
    """Tensors of one part of an adapter, under the names that PEFT saves them by."""
    mark = f".{part}.{adapter}"
    named = model.named_parameters(remove_duplicate=False)
    return [(name.replace(f".{adapter}", "", 1), weight) for name, weight in named if mark in name]


def describe_saved_matrices(tensors: dict[str, object]) -> dict[str, object]:
    """A and B of a saved adapter's tensors; digests are comparable with those of a loaded one."""
    parts = {"A": "lora_A", "B": "lora_B"}
    return {key: _describe_matrices([p for p in tensors.items() if f".{part}." in p[0]]) for key, part in parts.items()}


def _describe_matrices(tensors: list[tuple[str, object]]) -> dict[str, object] | None:
    """Number, sum of absolute values and digest (see `weights.digest`)."""
    if not tensors:
        return None
    total = sum_absolute_values(weight for _, weight in tensors)
    return {"tensors": len(tensors), "absolute_sum": total, "sha256": compute_digest(tensors)}


def _find_scalings(model: Any, adapter: str) -> set[float]:
    held = (getattr(module, "scaling", None) for module in model.modules())
    return {float(scaling[adapter]) for scaling in held if isinstance(scaling, dict) and adapter in scaling}


def compute_effective_weights(model: Any, adapter: str | None) -> dict[str, Any]:
    """The base model's weights by their name in a checkpoint, with what plain LoRA adds to them; None adds nothing.

    A quantized base is packed: what is added to one of its weights stands beside it, under a name of its own.
    """
    found = {strip_wrappers(name): weight.detach() for name, weight in model.named_parameters() if is_base(name)}
    if adapter is not None:
        for name, module in model.named_modules():
            if hasattr(module, "get_delta_weight") and adapter in getattr(module, "lora_A", ()):
                key = strip_wrappers(f"{name}.base_layer.weight")
                update = module.get_delta_weight(adapter).detach()
                if found[key].shape == update.shape:
                    found[key] = found[key] + update
                else:
                    found[key + UPDATE] = update
    return found
