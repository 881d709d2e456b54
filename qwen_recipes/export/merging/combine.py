"""Several adapters as one, and what each way of combining loses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .adapters import Adapter, Factors
from .read_config import MergeError

METHODS = ("cat", "svd", "linear", "ties", "dare_linear", "dare_ties")


def combine_adapters(adapters: Sequence[Adapter], job: dict[str, Any]) -> dict[str, Factors]:
    """The factors of the combination, each with scale 1. Raises MergeError."""
    check_combinable(adapters)
    made = {}
    for module in sorted({name for adapter in adapters for name in adapter.factors}):
        weighted = [(one.factors[module], one.weight) for one in adapters if module in one.factors]
        made[module] = combine_factors(weighted, job["combine"], job)
    return made


def check_combinable(adapters: Sequence[Adapter]) -> None:
    """Raise MergeError for adapters that no weighted sum can be made of."""
    for adapter in adapters:
        if adapter.uses_dora:
            raise MergeError(
                f"{adapter.folder} is a DoRA adapter: a weighted merge would lose its magnitudes; merge it alone, "
                "one adapter after another"
            )
        if adapter.whole:
            names = ", ".join(sorted(adapter.whole))
            raise MergeError(
                f"{adapter.folder} holds whole weights ({names}), which cannot be added to others; merge it alone"
            )
        if str(adapter.config.get("init_lora_weights")).startswith("pissa"):
            raise MergeError(f"{adapter.folder} is a PiSSA adapter, which is for a changed base; merge it alone")


def combine_factors(weighted: Sequence[tuple[Factors, float]], method: str, options: dict[str, Any]) -> Factors:
    """One weight's factors, each with its share, combined. Raises MergeError where the ranks do not fit the method."""
    a, b = stack_factors(weighted)
    if method == "cat":
        return Factors(a, b)
    if method == "svd":
        return _truncate(a, b, options.get("rank") or max(_get_rank(one) for one, _ in weighted))
    if len({_get_rank(one) for one, _ in weighted}) > 1:
        ranks = " and ".join(str(_get_rank(one)) for one, _ in weighted)
        raise MergeError(f"`{method}` needs adapters of equal ranks, not {ranks}; use `cat` or `svd`")
    return _mix_factors(weighted, method, options)


def stack_factors(weighted: Sequence[tuple[Factors, float]]) -> tuple[Tensor, Tensor]:
    """A (total rank, in) and B (out, total rank) in float32, whose product `B @ A` is the exact weighted sum."""
    first = [one.a.float() for one, _ in weighted if one.a is not None]
    second = [one.b.float() * (one.scale * weight) for one, weight in weighted if one.b is not None]
    return torch.cat(first, 0), torch.cat(second, 1)


def _get_rank(factors: Factors) -> int:
    assert factors.a is not None
    return int(factors.a.shape[0])


def _truncate(a: Tensor, b: Tensor, rank: int) -> Factors:
    """The best approximation of `b @ a` of this rank, from the factors alone."""
    left, upper = torch.linalg.qr(b)
    right, lower = torch.linalg.qr(a.T)
    u, s, v = torch.linalg.svd(upper @ lower.T)
    return Factors(v[:rank] @ right.T, left @ u[:, :rank] * s[:rank])


def _mix_factors(weighted: Sequence[tuple[Factors, float]], method: str, options: dict[str, object]) -> Factors:
    """PEFT's own ways: A and B are combined separately, each with the root of the weight."""
    from peft.utils import merge_utils

    scaled = [one.scale * weight for one, weight in weighted]
    weights = torch.tensor([math.copysign(math.sqrt(abs(value)), value) for value in scaled])
    density = options.get("density") or 0.5
    mixed = []
    for name in ("a", "b"):
        tensors = [getattr(one, name).float() for one, _ in weighted]
        if method == "linear":
            mixed.append(merge_utils.task_arithmetic(tensors, weights))
        elif method == "dare_linear":
            mixed.append(merge_utils.dare_linear(tensors, weights, density))
        else:
            mixed.append(getattr(merge_utils, method)(tensors, weights, density, "total"))
    return Factors(mixed[0], mixed[1])


def measure_losses(adapters: Sequence[Adapter], job: dict[str, object]) -> dict[str, dict[str, object]]:
    """Of each way that these adapters allow: its error relative to the exact weighted sum, and the worst weight's."""
    modules = sorted({name for adapter in adapters for name in adapter.factors})
    weighted: dict[str, dict[str, Any]] = {}
    for method in METHODS:
        torch.manual_seed(job.get("seed") or 0)
        try:
            weighted[method] = _measure_method(adapters, modules, method, job)
        except MergeError:
            continue
    return weighted


def _measure_method(
    adapters: Sequence[Adapter], modules: Sequence[str], method: str, job: dict[str, object]
) -> dict[str, object]:
    lost = total = 0.0
    worst = (0.0, "")
    for module in modules:
        parts = [(one.factors[module], one.weight) for one in adapters if module in one.factors]
        a, b = stack_factors(parts)
        made = combine_factors(parts, method, job)
        assert made.a is not None and made.b is not None
        error = _compute_norm(torch.cat([a, made.a]), torch.cat([b, -made.b], 1))
        size = _compute_norm(a, b)
        lost, total = lost + error**2, total + size**2
        if size:
            worst = max(worst, (error / size, module))
    return {"error": math.sqrt(lost / total) if total else 0.0, "worst_error": worst[0], "worst_module": worst[1]}


def _compute_norm(a: Tensor, b: Tensor) -> float:
    """Frobenius norm of `b @ a`, in double precision, from the factors alone."""
    return float(torch.linalg.matrix_norm(torch.linalg.qr(b.double())[1] @ torch.linalg.qr(a.double().T)[1].T))
