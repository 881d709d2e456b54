"""The machine, and how the work is spread over it."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.gpus.catalogue import UnknownGpuError, get_gpu_model, list_other_sizes
from qwen_recipes.gpus.gpu_model import GpuModel, restate_gpu, state_gpu
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.hardware_and_output import Gpu, Hardware
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.origins import SET_IN_RECIPE

_PARALLEL_FIELDS = ("tensor_parallel", "context_parallel", "pipeline_parallel", "expert_parallel")


def resolve_hardware(
    recipe: Recipe, gpu: GpuModel | None, decisions: PlanDecisions, strategy: str | None = None
) -> HardwarePlan:
    """Device, GPUs and strategy. An adapter on several GPUs takes ZeRO-2, all weights take FSDP (QR107).

    `strategy` stands for the default where the recipe leaves it open.
    """
    h = recipe.hardware or Hardware.make_empty()
    device = decisions.choose_value("hardware.device", h.device, "cuda", "train on a GPU")
    gpus = decisions.choose_value("hardware.gpus", h.gpus, 1, "one process" if device == "cpu" else "one GPU")
    nodes = decisions.choose_value("hardware.nodes", h.nodes, 1, "one node")
    asked = None if h.strategy == "auto" else h.strategy
    sizes = ("hardware.device", "hardware.gpus", "hardware.nodes")
    full = bool(recipe.method and recipe.method.type in ("full", "freeze"))
    default, why = _choose_strategy(device, gpus * nodes, full=full)
    default = strategy or default
    if asked:
        decisions.derive_value("hardware.strategy", asked, SET_IN_RECIPE, "hardware.strategy", *sizes)
    else:
        decisions.derive_value("hardware.strategy", default, why, *sizes, origin="hardware")
    splits = {name: _resolve_parallel_size(h, name, decisions) for name in _PARALLEL_FIELDS}
    plan = HardwarePlan(
        device=device,
        gpu=gpu,
        gpus=gpus,
        nodes=nodes,
        strategy=asked or default,
        offload=decisions.choose_value("hardware.offload", h.offload, "none", "offload slows training down (QR109)"),
        **splits,
    )
    _check_parallel_sizes(plan, decisions)
    return plan


def _resolve_parallel_size(h: Hardware, field: str, decisions: PlanDecisions) -> int:
    asked: int | None = getattr(h, field)
    return decisions.choose_value(f"hardware.{field}", asked, 1, "not split")


def _check_parallel_sizes(plan: HardwarePlan, decisions: PlanDecisions) -> None:
    parts = plan.tensor_parallel * plan.context_parallel * plan.pipeline_parallel
    if plan.world % parts:
        decisions.report_problem(
            ("hardware", "gpus"),
            f"{plan.world} {'GPU' if plan.world == 1 else 'GPUs'} cannot be divided into groups of {parts}",
            f"use a multiple of {parts} GPUs",
        )
    elif (plan.world // plan.pipeline_parallel) % plan.expert_parallel:
        decisions.report_problem(
            ("hardware", "expert_parallel"),
            f"{plan.world // plan.pipeline_parallel} GPUs cannot be divided into expert groups of "
            f"{plan.expert_parallel}",
            f"use a divisor of {plan.world // plan.pipeline_parallel}",
        )


def _choose_strategy(device: str, world_size: int, *, full: bool) -> tuple[str, str]:
    if device == "cpu" or world_size == 1:
        return "single", "one process"
    if full:
        return "fsdp", "full fine-tuning: weights, gradients and optimizer states are sharded (QR107)"
    return "zero2", "adapter: gradients and optimizer states are sharded (QR107)"


def find_gpu(recipe: Recipe, decisions: PlanDecisions) -> GpuModel | None:
    """What is known of the GPU that the recipe names or states. A name that is not listed, of which no memory is
    stated, is a problem.
    """
    gpu_field = recipe.hardware.gpu if recipe.hardware else None
    if gpu_field is None:
        decisions.choose_value("hardware.gpu", None, None, "not named: 24 GiB are assumed")
        return None
    if gpu_field.name is None and gpu_field.memory is None:
        decisions.report_problem(("hardware", "gpu"), "the GPU has neither a name nor memory", "gpu: {memory: 48 GiB}")
        return None
    gpu = _find_stated_gpu(gpu_field, decisions)
    if gpu is not None:
        _explain_gpu(gpu, gpu_field, decisions)
    return gpu


def _find_stated_gpu(gpu_field: Gpu, decisions: PlanDecisions) -> GpuModel | None:
    try:
        if gpu_field.name is not None:
            return restate_gpu(get_gpu_model(gpu_field.name, gpu_field.memory), gpu_field.memory, gpu_field.bf16)
    except UnknownGpuError as error:
        if gpu_field.memory is None:
            decisions.report_problem(("hardware", "gpu"), f"unknown GPU `{gpu_field.name}`", str(error))
            return None
    return state_gpu(gpu_field.memory or 0, bf16=gpu_field.bf16 is not False, name=gpu_field.name or "")


def _explain_gpu(gpu: GpuModel, gpu_field: Gpu, decisions: PlanDecisions) -> None:
    why = "stated in the recipe" if gpu.stated else f"`{gpu_field.name}` in the list of known GPUs"
    others = (
        [] if gpu_field.memory or gpu.stated or gpu.name == gpu_field.name else list_other_sizes(gpu_field.name or "")
    )
    if others:
        why += f"; also sold as {' and '.join(others)}"
    fields = [f"hardware.gpu.{name}" for name in sorted(gpu_field.model_fields_set)]
    decisions.derive_value("hardware.gpu", gpu, why, *fields)
