"""What is not compiled for torchtune: it is kept small, since torchtune is no longer maintained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.torchtune.native_values import DENSE

REQUIRED_VALUES = {
    "training.weights_dtype": "bfloat16",
    "training.save_every": "never",
}
"""What a recipe has to write."""
_MLP = {"gate_proj", "up_proj", "down_proj"}


def _is_written(field: str) -> Callable[[Plan], bool]:
    return lambda plan: field in plan.set_fields


def _is_split(name: str, plan: Plan) -> bool:
    return int(getattr(plan.hardware, name)) > 1


def _has_part_of_mlp(plan: Plan) -> bool:
    adapted = _MLP & set(plan.method.targets)
    return plan.method.adapter and adapted not in (set(), _MLP)


_ONE_PRECISION = "torchtune holds all weights in the precision that it computes in"
_PRECISION_FIELDS = {
    "training.precision": "write the same in `training.weights_dtype`, bf16 and bfloat16, or fp32 and float32",
    "hardware.device": "on a CPU write `training.weights_dtype: float32`",
    "hardware.gpu.bf16": "without bf16 write `training.precision: fp32` and `training.weights_dtype: float32`",
    "training.weights_dtype": "write `training.weights_dtype: bfloat16`",
}
"""Fields of which one is named where the two differ, with what to write."""


def _mixes_precisions(field: str, plan: Plan) -> bool:
    same = {"bf16": "bfloat16", "fp32": "float32"}.get(plan.training.precision) == plan.training.weights_dtype
    return not same and _find_precision_field(plan) == field


def _find_precision_field(plan: Plan) -> str:
    """The field for which the computing precision is what it is."""
    if "training.precision" in plan.set_fields:
        return "training.precision"
    if plan.hardware.device == "cpu":
        return "hardware.device"
    lacks_bf16 = plan.hardware.gpu is not None and not plan.hardware.gpu.supports_bf16
    return "hardware.gpu.bf16" if lacks_bf16 else "training.weights_dtype"


OBJECTIVES = (
    UnsupportedSetting("objective.type", lambda p: p.objective.type != "sft", "only SFT is compiled for torchtune"),
    UnsupportedSetting(
        "objective.kl_weight", lambda p: p.objective.kl_weight is not None, "no KL term to a reference model"
    ),
)
ROWS = (
    UnsupportedSetting("data.validation", lambda p: p.data.validates, "evaluation with torchtune is not compiled"),
    UnsupportedSetting("data.streaming", lambda p: p.data.streaming, "torchtune's recipes read all rows first"),
    UnsupportedSetting("training.packing", lambda p: p.training.packing, "packing of prepared rows is not compiled"),
)
OPTIMIZATION = (
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer not in ("adamw_torch", "adamw_torch_fused"),
        "only PyTorch's AdamW is compiled for torchtune",
    ),
    UnsupportedSetting(
        "training.scheduler",
        lambda p: p.training.scheduler != "cosine",
        "torchtune has one schedule: write `training.scheduler: cosine`",
    ),
    *(
        UnsupportedSetting(field, partial(_mixes_precisions, field), f"{_ONE_PRECISION}: {instead}")
        for field, instead in _PRECISION_FIELDS.items()
    ),
    UnsupportedSetting("training.fp8", lambda p: p.training.fp8, "no key for FP8"),
    UnsupportedSetting(
        "training.compile",
        lambda p: p.training.compile,
        "a compiled Qwen3 was four times slower in torchtune (pytorch#156103)",
    ),
    UnsupportedSetting("training.neftune", lambda p: p.training.neftune is not None, "no NEFTune"),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention != "sdpa" and not p.training.packing,
        "torchtune computes with PyTorch's scaled dot product attention",
    ),
    UnsupportedSetting("training.kernels", _is_written("training.kernels"), "there are no kernels to choose"),
    UnsupportedSetting("training.tf32", _is_written("training.tf32"), "there is no key for it"),
    UnsupportedSetting(
        "training.dataloader_workers", _is_written("training.dataloader_workers"), "there is no key for it"
    ),
)
CHECKPOINTS = (
    UnsupportedSetting(
        "training.save_every",
        lambda p: p.training.save_every != "never" and "training.saves_per_epoch" not in p.set_fields,
        "the run is one epoch for torchtune, which saves at its end: write `training.save_every: never`",
    ),
    UnsupportedSetting(
        "training.saves_per_epoch",
        _is_written("training.saves_per_epoch"),
        "the model is saved at the end of the run only",
    ),
    UnsupportedSetting(
        "training.keep_checkpoints",
        _is_written("training.keep_checkpoints"),
        "the model is saved at the end of the run only",
    ),
    UnsupportedSetting(
        "training.save_optimizer", lambda p: not p.training.save_optimizer, "there are no checkpoints during the run"
    ),
    UnsupportedSetting("output.hub.id", lambda p: p.output.hub is not None, "torchtune does not upload models"),
    UnsupportedSetting(
        "tracking.to",
        lambda p: p.tracking.to not in ("none", "tensorboard", "wandb"),
        "only TensorBoard and Weights & Biases are compiled for torchtune",
    ),
)
MODEL = (
    UnsupportedSetting(
        "model.id",
        lambda p: p.model.id not in DENSE,
        "torchtune needs every size of the model in its config: only the dense models that Qwen released are known",
    ),
    UnsupportedSetting(
        "model.source", lambda p: p.model.source is not None, "models are loaded from the Hugging Face hub only"
    ),
    UnsupportedSetting("method.type", lambda p: p.method.type == "freeze", "layers cannot be frozen"),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "dora",
        "torchtune's adapter_config.json does not name DoRA: PEFT would load a plain LoRA adapter",
    ),
    UnsupportedSetting("method.variant", lambda p: p.method.variant == "pissa", "no PiSSA"),
    UnsupportedSetting("method.rslora", lambda p: p.method.adapter and p.method.rslora, "no rsLoRA"),
    UnsupportedSetting(
        "method.targets",
        _has_part_of_mlp,
        "adapters are put on all three modules of the MLP (`gate_proj`, `up_proj`, `down_proj`) or on none",
    ),
    UnsupportedSetting(
        "method.layers", lambda p: p.method.adapter and p.method.layers is not None, "adapters are put on every layer"
    ),
    UnsupportedSetting(
        "method.lora_plus", lambda p: p.method.lora_plus is not None, "there is one learning rate for all weights"
    ),
    UnsupportedSetting(
        "method.modules_to_save",
        lambda p: bool(p.method.modules_to_save),
        "no modules can be trained along with an adapter",
    ),
    UnsupportedSetting(
        "method.start_from", lambda p: p.method.start_from is not None, "starting from an adapter is not compiled"
    ),
    UnsupportedSetting("quantization.bits", lambda p: p.quantization.bits == 8, "4-bit NF4 only"),
    UnsupportedSetting(
        "quantization.type",
        lambda p: p.quantization.bits == 4 and p.quantization.type != "nf4",
        "4-bit NF4 only",
    ),
    UnsupportedSetting(
        "quantization.double",
        lambda p: p.quantization.bits == 4 and not p.quantization.double,
        "torchao's NF4 always uses double quantization",
    ),
    UnsupportedSetting("quantization.storage", _is_written("quantization.storage"), "there is no key for it"),
    UnsupportedSetting("quantization.experts", lambda p: p.quantization.experts, "no Qwen3 models with experts"),
)
HARDWARE = (
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.strategy != "single" and "hardware.strategy" in p.set_fields,
        "only torchtune's single-device recipes are compiled: write `strategy: single`",
    ),
    UnsupportedSetting(
        "hardware.nodes", lambda p: p.hardware.nodes > 1, "only torchtune's single-device recipes are compiled"
    ),
    UnsupportedSetting(
        "hardware.gpus", lambda p: p.hardware.world > 1, "only torchtune's single-device recipes are compiled"
    ),
    UnsupportedSetting("hardware.offload", lambda p: p.hardware.offload != "none", "there is no key for it"),
    *(
        UnsupportedSetting(f"hardware.{name}_parallel", partial(_is_split, f"{name}_parallel"), "one GPU only")
        for name in ("tensor", "context", "pipeline", "expert")
    ),
)
UNSUPPORTED_SETTINGS = (*OBJECTIVES, *HARDWARE, *ROWS, *OPTIMIZATION, *CHECKPOINTS, *MODEL)
RESUME_UNSUPPORTED = (
    UnsupportedSetting("training.save_every", lambda p: True, "a run of torchtune is saved at its end only"),
)
