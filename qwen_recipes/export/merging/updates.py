"""What an adapter makes of a weight of its base."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .adapters import Adapter, Factors
from .read_config import MergeError

_EXPERT = re.compile(r"^(?P<experts>.+\.experts)\.(?P<number>\d+)\.(?P<part>gate|up|down)_proj\.weight$")
_FUSED = re.compile(r"^(?P<experts>.+\.experts)\.(?P<part>gate_up|down)_proj(\.weight)?$")


def list_changes(factors: Mapping[str, Factors], whole: Mapping[str, Tensor], names: set[str]) -> set[str]:
    """The base's weights that an adapter changes. Raises MergeError for a part of the adapter that none takes."""
    changed, unused = set(), []
    for module in factors:
        found = {f"{module}.weight"} & names or _find_expert_weights(module, names)
        if not found and module == "lm_head":
            found = {"lm_head.weight"}  # tied to the embeddings
        changed |= found
        unused += [module] if not found else []
    for name in whole:
        known = name in names or name == "lm_head.weight"
        changed |= {name} if known else set()
        unused += [] if known else [name]
    if unused:
        more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
        raise MergeError(f"the base has no weights for {', '.join(sorted(unused)[:3])}{more}: is it the right base?")
    return changed


def _find_expert_weights(module: str, names: set[str]) -> set[str]:
    """The weights of experts that an adapter on their fused parameters changes."""
    experts = module.removesuffix(".base_layer")
    if not experts.endswith(".experts"):
        return set()
    return {name for name in names if name.startswith(f"{experts}.")}


def apply_adapter(name: str, weight: Tensor, adapter: Adapter, factors: Mapping[str, Factors]) -> Tensor:
    """The weight with the adapter merged into it, of the same shape; in float32 where it changes."""
    if name in adapter.whole:
        return adapter.whole[name].float()
    one = factors.get(name.removesuffix(".weight"))
    if one is not None:
        return _apply_factors(weight.float(), one, str(adapter.config.get("init_lora_weights")))
    for module in factors:
        if name.startswith(f"{module.removesuffix('.base_layer')}.") and module.removesuffix(".base_layer").endswith(
            ".experts"
        ):
            weight = _apply_to_expert(name, weight, factors[module])
    return weight


def _apply_factors(weight: Tensor, factors: Factors, start: str) -> Tensor:
    assert factors.a is not None
    if start.startswith("pissa"):
        weight = _remove_principal_part(weight, factors.a.shape[0], start)
    merged = weight + factors.compute_update()
    if factors.magnitude is None:
        return merged
    norm = torch.linalg.vector_norm(merged, dim=1, keepdim=True)
    return merged * (factors.magnitude.float().reshape(-1, 1) / norm)


def _remove_principal_part(weight: Tensor, rank: int, start: str) -> Tensor:
    """PiSSA's base: what is left of the weight without its largest singular values."""
    if start != "pissa":
        raise MergeError(
            f"the adapter was initialized by `{start}`, whose random part cannot be computed again: convert it to LoRA "
            "with PEFT's `path_initial_model_for_weight_conversion`"
        )
    u, s, v = torch.linalg.svd(weight, full_matrices=False)
    return weight - (u[:, :rank] * s[:rank]) @ v[:rank]


def _apply_to_expert(name: str, weight: Tensor, factors: Factors) -> Tensor:
    """An expert's weight, or all experts' fused one, with its part of an adapter on the fused parameters."""
    assert factors.a is not None and factors.b is not None
    single, fused = _EXPERT.match(name), _FUSED.match(name)
    if fused is not None:
        update = _compute_expert_updates(factors, weight.shape[0])
        if update.shape != weight.shape:
            update = update.transpose(1, 2)
        return weight.float() + update if update.shape == weight.shape else weight
    if single is None:
        return weight
    update = _find_expert_update(factors, int(single["number"]), single["part"], weight)
    return weight if update is None else weight.float() + update


def _compute_expert_updates(factors: Factors, experts: int) -> Tensor:
    assert factors.a is not None and factors.b is not None
    a = factors.a.float().reshape(experts, -1, factors.a.shape[-1])
    b = factors.b.float().reshape(factors.b.shape[0], -1, experts)
    return torch.einsum("o r e, e r i -> e i o", b, a) * factors.scale


def _find_expert_update(factors: Factors, number: int, part: str, weight: Tensor) -> Tensor | None:
    """One expert's part, in the weight's shape; None where the factors are of the other fused parameter."""
    assert factors.a is not None and factors.b is not None
    rows, columns = weight.shape
    height = rows if part == "down" else 2 * rows
    sides = (factors.b.shape[0], factors.a.shape[1])
    if sides not in ((height, columns), (columns, height)):
        return None
    experts = factors.a.shape[0] // factors.rank
    update = _compute_expert_updates(factors, experts)[number]
    if update.shape != (height, columns):
        update = update.T
    half = {"gate": slice(0, rows), "up": slice(rows, None), "down": slice(None)}[part]
    return update[half]
