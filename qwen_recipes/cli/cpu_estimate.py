"""What `plan` can tell of a recipe that runs on the CPU: steps, disk and the host memory of its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.sizes import GIB

if TYPE_CHECKING:
    from qwen_recipes.estimate.estimate import Estimate
    from qwen_recipes.resolve import BackendRecipe


def estimate_cpu_run(recipe: BackendRecipe) -> Estimate:
    """The estimate whose steps, disk and host memory hold for a CPU; its GPU is a stand-in."""
    from qwen_recipes.gpus.catalogue import get_gpu_model
    from qwen_recipes.resolve.strategy import ASSUMED_GPU

    return recipe.estimate(get_gpu_model(ASSUMED_GPU))


def format_cpu_estimate(recipe: BackendRecipe) -> str:
    """Lines for a person."""
    made = estimate_cpu_run(recipe)
    disk = sum(vars(made.disk).values())
    return "\n".join(
        [
            f"{recipe.backend.title} on the CPU:",
            f"  host memory  at least {made.host_memory / GIB:.1f} GiB for the process and the weights; activations, "
            "gradients and optimizer states are not estimated on CPUs",
            f"  disk         {disk / GIB:.0f} GiB",
            f"  steps        {'unknown' if made.steps is None else made.steps}",
            "  time         unknown: CPUs are not measured",
            "To estimate for a GPU, add e.g. `--gpu rtx-4090`",
        ]
    )


def cpu_estimate_as_json(recipe: BackendRecipe) -> dict[str, object]:
    """What a machine reads: bytes; what is not known on a CPU is null."""
    made = estimate_cpu_run(recipe)
    return {
        "backend": recipe.backend.name,
        "device": "cpu",
        "gpu": None,
        "fits": None,
        "steps": made.steps,
        "seconds": None,
        "disk_bytes": {name: round(size) for name, size in vars(made.disk).items()},
        "host_bytes": round(made.host_memory),
    }
