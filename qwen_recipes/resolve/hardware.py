"""The machine, and how the work is spread over it."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.estimate.gpus import Gpu, UnknownGpu, gpu_named
from qwen_recipes.recipe.parts import Recipe
from qwen_recipes.recipe.parts.place import Hardware
from qwen_recipes.resolve.notes import Notes

_SPLITS = ("tensor_parallel", "context_parallel", "pipeline_parallel", "expert_parallel")


def resolve_hardware(recipe: Recipe, notes: Notes) -> HardwarePlan:
    """Device, GPUs and strategy. An adapter on several GPUs takes ZeRO-2, all weights take FSDP (QR107)."""
    h = recipe.hardware or Hardware()
    device = notes.pick("hardware.device", h.device, "cuda", "training wants a GPU")
    gpus = notes.pick("hardware.gpus", h.gpus, 1, "one process" if device == "cpu" else "one GPU")
    nodes = notes.pick("hardware.nodes", h.nodes, 1, "one host")
    notes.pick("hardware.gpu", h.gpu, None, "not named: 24 GiB are assumed")
    asked = None if h.strategy == "auto" else h.strategy
    sizes = ("hardware.device", "hardware.gpus", "hardware.nodes")
    full = bool(recipe.method and recipe.method.type in ("full", "freeze"))
    default, why = _strategy(device, gpus * nodes, full=full)
    if asked:
        notes.derive("hardware.strategy", asked, "set in the recipe", "hardware.strategy", *sizes)
    else:
        notes.derive("hardware.strategy", default, why, *sizes, origin="hardware")
    splits = {name: _split(h, name, notes) for name in _SPLITS}
    plan = HardwarePlan(
        device=device,
        gpu=h.gpu,
        gpus=gpus,
        nodes=nodes,
        strategy=asked or default,
        offload=notes.pick("hardware.offload", h.offload, "none", "host memory is slow (QR109)"),
        **splits,
    )
    _check_splits(plan, notes)
    return plan


def _split(h: Hardware, name: str, notes: Notes) -> int:
    asked: int | None = getattr(h, name)
    return notes.pick(f"hardware.{name}", asked, 1, "nothing is split so")


def _check_splits(plan: HardwarePlan, notes: Notes) -> None:
    parts = plan.tensor_parallel * plan.context_parallel * plan.pipeline_parallel
    if plan.world % parts:
        notes.refuse(
            ("hardware", "gpus"),
            f"{plan.world} GPUs can't be split into groups of {parts}",
            f"a multiple of {parts} GPUs",
        )
    elif (plan.world // plan.pipeline_parallel) % plan.expert_parallel:
        notes.refuse(
            ("hardware", "expert_parallel"),
            f"{plan.world // plan.pipeline_parallel} GPUs can't share experts in groups of {plan.expert_parallel}",
            f"a divisor of {plan.world // plan.pipeline_parallel}",
        )


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
