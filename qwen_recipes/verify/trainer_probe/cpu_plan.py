"""A plan as one process on a CPU can start it, and what of the recipe's plan is set aside for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from qwen_recipes.backends.plan import HardwarePlan, Plan
from qwen_recipes.errors import QwenRecipesError

ONE_PROCESS = "the probe is one process on a CPU"
CPU = HardwarePlan(device="cpu", gpu=None, gpus=1, nodes=1, strategy="single")
ON_CPU_ATTENTION = ("eager", "sdpa")
TRACKERS_ON_DISK = ("none", "tensorboard")


class NotProbedError(QwenRecipesError):
    """A recipe that no CPU can start; the message says why."""


@dataclass(frozen=True)
class GpuSetting:
    """A field of the plan that needs a GPU: when, what takes its place on a CPU, and why."""

    part: str
    name: str
    needs_gpu: Callable[[Any, str], bool]
    """Of its value and the backend's name."""
    value: Any
    reason: str

    @property
    def field(self) -> str:
        """The plan's path."""
        return f"{self.part}.{self.name}"


def _is_on(value: Any, _backend: str) -> bool:
    return bool(value)


def _is_16_bits(value: Any, backend: str) -> bool:
    return value == "fp16" or (value == "bf16" and backend == "axolotl")


def _needs_pure_bf16(value: Any, backend: str) -> bool:
    return value == "bfloat16" and backend == "llamafactory"


def _is_packed_by_flash_attention(value: Any, backend: str) -> bool:
    return bool(value) and backend == "ms-swift"


GPU_SETTINGS = (
    GpuSetting(
        "training",
        "packing",
        _is_packed_by_flash_attention,
        False,
        "ms-swift packs with flash attention alone, whose kernels need a GPU",
    ),
    GpuSetting("training", "precision", _is_16_bits, "fp32", "it needs a GPU here: the probe computes in float32"),
    GpuSetting(
        "training",
        "weights_dtype",
        _needs_pure_bf16,
        "float32",
        "LLaMA-Factory's `pure_bf16` starts on GPUs alone: the probe holds weights in float32",
    ),
    GpuSetting("training", "fp8", _is_on, False, "FP8 needs a GPU"),
    GpuSetting("training", "tf32", _is_on, False, "TF32 is a mode of GPUs"),
    GpuSetting("training", "liger", _is_on, False, "Liger's kernels need a GPU"),
    GpuSetting("training", "cut_cross_entropy", _is_on, False, "Cut Cross-Entropy's kernels need a GPU"),
    GpuSetting("training", "lora_kernels", _is_on, False, "the LoRA kernels need a GPU"),
    GpuSetting("training", "compile", _is_on, False, "compiling takes minutes on a CPU"),
    GpuSetting("training", "offload_activations", _is_on, False, "there is no GPU memory to offload from"),
    GpuSetting(
        "training",
        "attention",
        lambda value, _: value not in ON_CPU_ATTENTION,
        "sdpa",
        "its kernels need a GPU: the probe takes sdpa",
    ),
    GpuSetting("objective", "vllm", lambda value, _: value != "none", "none", "vLLM needs a GPU"),
    GpuSetting("output", "hub", lambda value, _: value is not None, None, "a probe pushes nothing"),
    GpuSetting("tracking", "to", lambda value, _: value not in TRACKERS_ON_DISK, "none", "a probe starts no tracker"),
)
"""A plan that lacks a field is left as it is."""
FOLLOWS = {
    "objective.vllm": ("objective.vllm_memory", "objective.vllm_host", "objective.vllm_port"),
    "training.precision": ("training.weights_dtype",),
    "tracking.to": ("tracking.project", "tracking.run_name"),
    "output.hub": ("output.hub_private",),
}
"""Fields that can't be seen where another is set aside: what weights are held in follows the precision."""


@dataclass(frozen=True)
class CpuPlan:
    """What is compiled for the probe. `set_aside` has the reason for each field that it can't show."""

    plan: Plan
    set_aside: Mapping[str, str]


def make_cpu_plan(plan: Plan) -> CpuPlan:
    """The plan with all that needs a GPU or a network set aside; everything else stays as planned.

    Raises NotProbedError for Megatron-Core, which starts on GPUs alone.
    """
    if plan.hardware.megatron:
        raise NotProbedError("Megatron-Core starts on GPUs alone: there is no trainer to probe on a CPU")
    set_aside = _find_hardware_fields(plan.hardware)
    set_aside |= {setting.field: setting.reason for setting in GPU_SETTINGS if _is_needed(setting, plan)}
    if plan.hardware.replicas > 1:
        set_aside["training.batch_size"] = f"{ONE_PROCESS}, not {plan.hardware.replicas} that average"
    for field, followers in FOLLOWS.items():
        if field in set_aside:
            set_aside |= {one: set_aside[field] for one in followers if _has_field(plan, one)}
    return CpuPlan(_replace_settings(plan), set_aside)


def _find_hardware_fields(hardware: HardwarePlan) -> dict[str, str]:
    changed = [one.name for one in fields(hardware) if getattr(hardware, one.name) != getattr(CPU, one.name)]
    return {f"hardware.{name}": ONE_PROCESS for name in changed}


def _is_needed(setting: GpuSetting, plan: Plan) -> bool:
    part = getattr(plan, setting.part)
    return hasattr(part, setting.name) and setting.needs_gpu(getattr(part, setting.name), plan.backend)


def _has_field(plan: Plan, field: str) -> bool:
    part, name = field.split(".")
    return hasattr(getattr(plan, part), name)


def _replace_settings(plan: Plan) -> Plan:
    changed: dict[str, Any] = {"hardware": _replace_hardware(plan.hardware)}
    for setting in GPU_SETTINGS:
        if _is_needed(setting, plan):
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


def _replace_hardware(hardware: HardwarePlan) -> HardwarePlan:
    return replace(hardware, **{one.name: getattr(CPU, one.name) for one in fields(CPU)})
