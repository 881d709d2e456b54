"""The machine, and how the work is spread over it."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.estimate.gpus import Gpu, UnknownGpu, gpu_named
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.place import Hardware
from qwen_recipes.resolve.notes import Notes


def resolve_hardware(recipe: Recipe, notes: Notes) -> HardwarePlan:
    """Device, GPUs and strategy. An adapter on several GPUs takes ZeRO-2, all weights take FSDP (QR107)."""
    h = recipe.hardware or Hardware()
    device = notes.pick("hardware.device", h.device, "cuda", "training wants a GPU")
    gpus = notes.pick("hardware.gpus", h.gpus, 1, "one process" if device == "cpu" else "one GPU")
    nodes = notes.pick("hardware.nodes", h.nodes, 1, "one host")
    notes.pick("hardware.gpu", h.gpu, None, "not named: 24 GiB are assumed")
    asked = None if h.strategy == "auto" else h.strategy
    sizes = ("hardware.device", "hardware.gpus", "hardware.nodes")
    default, why = _strategy(device, gpus * nodes, full=bool(recipe.method and recipe.method.type == "full"))
    if asked:
        notes.derive("hardware.strategy", asked, "set in the recipe", "hardware.strategy", *sizes)
    else:
        notes.derive("hardware.strategy", default, why, *sizes, origin="hardware")
    return HardwarePlan(device=device, gpu=h.gpu, gpus=gpus, nodes=nodes, strategy=asked or default)


def _strategy(device: str, world: int, *, full: bool) -> tuple[str, str]:
    if device == "cpu" or world == 1:
        return "single", "one process trains"
    if full:
        return "fsdp", "every weight is trained: weights, gradients and optimizer are sharded (QR107)"
    return "zero2", "an adapter is trained: gradients and optimizer are sharded, the base is whole (QR107)"


def find_gpu(recipe: Recipe, notes: Notes) -> Gpu | None:
    """The named GPU's data sheet; a name that is in no catalogue is a problem."""
    name = recipe.hardware.gpu if recipe.hardware else None
    if name is None:
        return None
    try:
        return gpu_named(name)
    except UnknownGpu as error:
        notes.refuse(("hardware", "gpu"), f"`{name}` is not in the catalogue of GPUs", str(error))
        return None
