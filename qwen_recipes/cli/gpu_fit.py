"""Whether a run fits this machine's GPUs, and changes that would make it fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwen_recipes.sizes import GIB, format_gib

if TYPE_CHECKING:
    from qwen_recipes.cli.estimate_report import FitVerdict
    from qwen_recipes.environments.gpu import DetectedGpu
    from qwen_recipes.gpus.gpu_model import GpuModel
    from qwen_recipes.resolve import BackendRecipe


def identify_gpus(detected: Sequence[DetectedGpu]) -> list[GpuModel]:
    """The kinds of GPU among these that the catalogue has."""
    from qwen_recipes.gpus.catalogue import identify_gpu

    found = (identify_gpu(gpu.name, gpu.memory / 1024) for gpu in detected)
    return list(dict.fromkeys(gpu for gpu in found if gpu is not None))


def assess_fit_on_gpus(recipe: BackendRecipe, detected: Sequence[DetectedGpu]) -> list[FitVerdict]:
    """The estimate for each kind of GPU; none on a CPU, or where the catalogue does not know the GPUs."""
    if recipe.plan.hardware.device != "cuda":
        return []
    from qwen_recipes.cli.estimate_report import assess_fit

    return [assess_fit(recipe, gpu) for gpu in identify_gpus(detected)]


def fits_no_gpu(verdicts: list[FitVerdict]) -> bool:
    """Whether there are GPUs and it fits on none of them."""
    return bool(verdicts) and all(one.estimate.check_fit() == "no" for one in verdicts)


def describe_memory_shortfall(verdicts: list[FitVerdict]) -> list[str]:
    """For each GPU that is or may be too small: the estimate, the available memory, and changes that fit."""
    found = []
    for one in verdicts:
        made = one.estimate
        if (fits := made.check_fit()) == "yes":
            continue
        word = "does not fit" if fits == "no" else "may not fit"
        between = f"{made.low / GIB:.1f} to {format_gib(made.high)}"
        found.append(f"{word} {made.gpu.name}: needs {between} per GPU, {format_gib(made.usable)} are available")
        found += [f"  would fit with {suggestion.command_line_options}" for suggestion in one.suggestions]
    return found


def build_estimate_record(verdicts: list[FitVerdict]) -> dict[str, float | None] | None:
    """What a run's record keeps of its estimate; None without one. Memory with CUDA's own, as nvidia-smi counts it."""
    from qwen_recipes.estimate.estimate import CUDA_CONTEXT_BYTES

    if not verdicts:
        return None
    made = verdicts[0].estimate
    memory = {name: getattr(made, name) + CUDA_CONTEXT_BYTES for name in ("peak", "low", "high")}
    return memory | {"seconds": made.seconds, "tokens_per_second": made.tokens_per_second}


def suggest_memory_savings(recipe: BackendRecipe, detected: Sequence[DetectedGpu]) -> list[str]:
    """After an out-of-memory error: changes that need less memory by the estimate, fastest first."""
    from qwen_recipes.gpus.catalogue import get_gpu_model
    from qwen_recipes.guards.trial import suggest_tried_changes
    from qwen_recipes.resolve.strategy import ASSUMED_GPU

    gpu = next(iter(identify_gpus(detected)), None) or recipe.plan.hardware.gpu or get_gpu_model(ASSUMED_GPU)
    now = recipe.estimate(gpu)
    found = [offer for offer in suggest_tried_changes(recipe, gpu) if offer.estimate.peak < now.peak]
    return [
        f"{one.command_line_options} saves {format_gib(now.peak - one.estimate.peak)}, at {one.speed:.0%} of the speed"
        for one in found
    ]
