"""A plan as one process on a CPU or a GPU can start it, and what of the recipe's plan is set aside for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import HardwarePlan, Plan
from qwen_recipes.backends.verification import SetAside
from qwen_recipes.errors import QwenRecipesError

ONE_PROCESS = "the probe is one process"
CPU = HardwarePlan(device="cpu", gpu=None, gpus=1, nodes=1, strategy="single")
ON_CPU_ATTENTION = ("eager", "sdpa")
TRACKERS_ON_DISK = ("none", "tensorboard")


class NotProbedError(QwenRecipesError):
    """A recipe whose trainer one process can't start; the message says why."""


GPU_SETTINGS = (
    SetAside(
        "training",
        "precision",
        lambda value: value == "fp16",
        "fp32",
        "it needs a GPU here: the probe computes in float32",
    ),
    SetAside("training", "fp8", bool, False, "FP8 needs a GPU"),
    SetAside("training", "tf32", bool, False, "TF32 is a mode of GPUs"),
    SetAside("training", "liger", bool, False, "Liger's kernels need a GPU"),
    SetAside("training", "cut_cross_entropy", bool, False, "Cut Cross-Entropy's kernels need a GPU"),
    SetAside("training", "lora_kernels", bool, False, "the LoRA kernels need a GPU"),
    SetAside("training", "compile", bool, False, "compiling takes minutes on a CPU"),
    SetAside("training", "offload_activations", bool, False, "there is no GPU memory to offload from"),
    SetAside(
        "training",
        "attention",
        lambda value: value not in ON_CPU_ATTENTION,
        "sdpa",
        "its kernels need a GPU: the probe takes sdpa",
    ),
    SetAside("objective", "vllm", lambda value: value != "none", "none", "vLLM needs a GPU"),
)
"""What no framework starts on a CPU. A plan that lacks a field is left as it is."""
OUTWARD_SETTINGS = (
    SetAside("output", "hub", lambda value: value is not None, None, "a probe pushes nothing"),
    SetAside("tracking", "to", lambda value: value not in TRACKERS_ON_DISK, "none", "a probe starts no tracker"),
)
"""What would leave the machine."""
VLLM = SetAside("objective", "vllm", lambda value: value != "none", "none", "the probe starts no vLLM")
FOLLOWS = {
    "objective.vllm": ("objective.vllm_memory", "objective.vllm_host", "objective.vllm_port"),
    "training.precision": ("training.weights_dtype",),
    "tracking.to": ("tracking.project", "tracking.run_name"),
    "output.hub": ("output.hub_private",),
}
"""Fields that can't be seen where another is set aside: what weights are held in follows the precision."""


@dataclass(frozen=True)
class ProbePlan:
    """What is compiled for the probe. `set_aside` has the reason for each field that it can't show."""

    plan: Plan
    set_aside: Mapping[str, str]


def make_cpu_plan(plan: Plan) -> ProbePlan:
    """The plan with all that needs a GPU or a network set aside; everything else stays as planned.

    Raises NotProbedError for Megatron-Core, which starts on GPUs alone.
    """
    own = load_backend(plan.backend).verification.set_aside_on_cpu
    return _make_probe_plan(plan, CPU, (*GPU_SETTINGS, *own, *OUTWARD_SETTINGS))


def make_gpu_plan(plan: Plan) -> ProbePlan:
    """The plan on one GPU: what shards it, vLLM and what needs a network are set aside. Raises NotProbedError."""
    one = replace(CPU, device=plan.hardware.device, gpu=plan.hardware.gpu)
    return _make_probe_plan(plan, one, (VLLM, *OUTWARD_SETTINGS))


def _make_probe_plan(plan: Plan, hardware: HardwarePlan, settings: Sequence[SetAside]) -> ProbePlan:
    if plan.hardware.megatron:
        raise NotProbedError("Megatron-Core only starts on GPUs: there is no trainer to probe in one process")
    needed = [one for one in settings if _is_needed(one, plan)]
    set_aside = _find_hardware_fields(plan.hardware, hardware) | {one.field: one.reason for one in needed}
    if plan.hardware.replicas > 1:
        set_aside["training.batch_size"] = f"{ONE_PROCESS}, not {plan.hardware.replicas} that average"
    for field, followers in FOLLOWS.items():
        if field in set_aside:
            set_aside |= {one: set_aside[field] for one in followers if _has_field(plan, one)}
    return ProbePlan(_replace_settings(plan, hardware, needed), set_aside)


def _find_hardware_fields(planned: HardwarePlan, probed: HardwarePlan) -> dict[str, str]:
    changed = [one.name for one in fields(planned) if getattr(planned, one.name) != getattr(probed, one.name)]
    return {f"hardware.{name}": f"{ONE_PROCESS} on a {probed.device.upper()}" for name in changed}


def _is_needed(setting: SetAside, plan: Plan) -> bool:
    part = getattr(plan, setting.part)
    return hasattr(part, setting.name) and setting.is_needed(getattr(part, setting.name))


def _has_field(plan: Plan, field: str) -> bool:
    part, name = field.split(".")
    return hasattr(getattr(plan, part), name)


def _replace_settings(plan: Plan, hardware: HardwarePlan, settings: Sequence[SetAside]) -> Plan:
    changed: dict[str, Any] = {"hardware": hardware}
    for setting in settings:
        part = changed.get(setting.part, getattr(plan, setting.part))
        changed[setting.part] = replace(part, **{setting.name: setting.value})
    training = changed.get("training", plan.training)
    if training.precision != plan.training.precision:  # bfloat16 weights need bf16
        changed["training"] = replace(training, weights_dtype="float32")
    if plan.hardware.replicas > 1:
        training = changed.get("training", plan.training)
        per_process = training.micro_batch_size * training.gradient_accumulation
        changed["training"] = replace(training, batch_size=per_process)
    return replace(plan, **changed)
