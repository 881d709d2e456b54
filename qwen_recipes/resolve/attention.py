"""Which attention computes: one that is in the framework's locked environment, and keeps packed examples apart."""

from __future__ import annotations

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions


def resolve_attention(t: Training, hardware: HardwarePlan, backend: Backend, decisions: PlanDecisions) -> str:
    """PyTorch's own, unless examples are packed and this framework keeps them apart with another alone."""
    asked = None if t.attention == "auto" else t.attention
    packed = bool(t.packing) and hardware.device == "cuda"
    default = backend.choose_packed_attention() if packed else "sdpa"
    why = "part of PyTorch, runs on any GPU"
    if packed:
        why = f"keeps packed examples separate in {backend.title} {backend.version} (QR408)"
    if t.attention == "auto":
        return decisions.derive_value(
            "training.attention", default, f"auto: {why}", "training.attention", origin="default"
        )
    return decisions.choose_value("training.attention", asked, default, why)


def find_largest_micro_batch(t: Training, attention: str, backend: Backend) -> int | None:
    """The most packs that the framework takes at a time with this attention; None without a limit."""
    return backend.largest_packed_micro_batch.get(attention) if t.packing else None
