"""What `unsloth train` cannot be told: its config has some thirty keys, and it sets the rest by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan

REQUIRED_VALUES = {
    "training.optimizer": "adamw_8bit",
    "training.scheduler": "linear",
    "training.save_every": 100,
}
"""What a recipe has to write; `save_every` may be any number of steps, or `never`."""


def _is_written(field: str) -> Callable[[Plan], bool]:
    return lambda plan: field in plan.set_fields


def _saves_between_steps(plan: Plan) -> bool:
    every = plan.training.save_every
    between = every == "epoch" or (isinstance(every, float) and every < 1)
    return between and "training.saves_per_epoch" not in plan.set_fields


def _lacks_bf16(plan: Plan) -> bool:
    return plan.hardware.gpu is not None and not plan.hardware.gpu.supports_bf16


def _has_other_precision(plan: Plan) -> bool:
    other = plan.training.precision != ("fp16" if _lacks_bf16(plan) else "bf16")
    return other and plan.hardware.device != "cpu"


def _logs_less(plan: Plan) -> bool:
    return plan.training.log_every != 1 and "training.log_every" in plan.set_fields


def _leaves_precision_open(plan: Plan) -> bool:
    return _lacks_bf16(plan) and "training.precision" not in plan.set_fields


def _is_split(name: str, plan: Plan) -> bool:
    return int(getattr(plan.hardware, name)) > 1


OBJECTIVES = (
    UnsupportedSetting(
        "objective.type",
        lambda p: not p.objective.next_token,
        "`unsloth train` has no DPO, KTO, GRPO or reward models: Unsloth trains them from Python only",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "no KL term to a reference model",
    ),
)
ROWS = (
    UnsupportedSetting("data.validation", lambda p: p.data.validates, "`unsloth train` has no evaluation"),
    UnsupportedSetting("data.streaming", lambda p: p.data.streaming, "`unsloth train` reads all rows first"),
    UnsupportedSetting(
        "training.packing",
        lambda p: p.training.packing,
        "Unsloth silently turns packing off for examples that are passed as token ids",
    ),
)
OPTIMIZATION = (
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer != "adamw_8bit",
        "`unsloth train` has no key for the optimizer and uses `adamw_8bit`: write `training.optimizer: adamw_8bit`",
    ),
    UnsupportedSetting(
        "training.scheduler",
        lambda p: p.training.scheduler != "linear",
        "`unsloth train` has no key for the scheduler and uses `linear`: write `training.scheduler: linear`",
    ),
    UnsupportedSetting(
        "training.betas",
        lambda p: (p.training.beta1, p.training.beta2) != (0.9, 0.999),
        "there is no key for it: the values are 0.9 and 0.999",
    ),
    UnsupportedSetting(
        "training.epsilon", lambda p: p.training.epsilon != 1e-8, "there is no key for it: the value is 1e-8"
    ),
    UnsupportedSetting(
        "training.max_grad_norm",
        lambda p: p.training.max_grad_norm != 1.0,
        "there is no key for it: the value is 1.0",
    ),
    UnsupportedSetting(
        "hardware.gpu.bf16",
        lambda p: _has_other_precision(p) and _leaves_precision_open(p),
        "on a GPU without bf16 Unsloth computes in fp16: write `training.precision: fp16`",
    ),
    UnsupportedSetting(
        "training.precision",
        lambda p: _has_other_precision(p) and not _leaves_precision_open(p),
        "there is no key for it: bf16 on a GPU that supports it, else fp16",
    ),
    UnsupportedSetting(
        "training.data_seed",
        lambda p: p.training.data_seed != p.training.seed,
        "there is one seed, `training.seed`",
    ),
    UnsupportedSetting("training.neftune", lambda p: p.training.neftune is not None, "no key for NEFTune"),
    UnsupportedSetting("training.fp8", lambda p: p.training.fp8, "no key for FP8"),
    UnsupportedSetting("training.compile", _is_written("training.compile"), "Unsloth decides itself what to compile"),
    UnsupportedSetting("training.attention", _is_written("training.attention"), "Unsloth chooses the attention itself"),
    UnsupportedSetting("training.kernels", _is_written("training.kernels"), "Unsloth's own kernels are always on"),
    UnsupportedSetting("training.tf32", _is_written("training.tf32"), "there is no key for it"),
    UnsupportedSetting(
        "training.dataloader_workers", _is_written("training.dataloader_workers"), "there is no key for it"
    ),
)
CHECKPOINTS = (
    UnsupportedSetting(
        "training.save_every",
        _saves_between_steps,
        "`unsloth train` saves every N steps or at the end: write a number of steps, or `never`",
    ),
    UnsupportedSetting(
        "training.saves_per_epoch", _is_written("training.saves_per_epoch"), "checkpoints are saved every N steps"
    ),
    UnsupportedSetting(
        "training.keep_checkpoints", _is_written("training.keep_checkpoints"), "every checkpoint is kept"
    ),
    UnsupportedSetting(
        "training.save_optimizer", lambda p: not p.training.save_optimizer, "the optimizer's state is always saved"
    ),
    UnsupportedSetting("training.log_every", _logs_less, "every step is logged"),
    UnsupportedSetting("output.hub.id", lambda p: p.output.hub is not None, "`unsloth train` does not upload models"),
    UnsupportedSetting(
        "tracking.to",
        lambda p: p.tracking.to not in ("none", "tensorboard", "wandb"),
        "TensorBoard and Weights & Biases only",
    ),
)
MODEL = (
    UnsupportedSetting(
        "model.revision", lambda p: p.model.revision is not None, "`unsloth train` always loads the newest revision"
    ),
    UnsupportedSetting(
        "chat.template",
        lambda p: p.objective.chat and not p.chat.compiled_in,
        "custom templates are not tested with Unsloth",
    ),
    UnsupportedSetting("method.type", lambda p: p.method.type == "freeze", "layers cannot be frozen"),
    UnsupportedSetting(
        "method.type",
        lambda p: p.method.type == "full" and p.training.weights_dtype != "bfloat16",
        "full fine-tuning is in bfloat16 only: write `training.weights_dtype: bfloat16`",
    ),
    UnsupportedSetting("method.variant", lambda p: p.method.variant == "pissa", "no PiSSA"),
    UnsupportedSetting(
        "method.layers",
        lambda p: p.method.adapter and p.method.layers is not None,
        "adapters are put on every layer",
    ),
    UnsupportedSetting(
        "method.lora_plus", lambda p: p.method.lora_plus is not None, "there is one learning rate for all weights"
    ),
    UnsupportedSetting(
        "method.modules_to_save",
        lambda p: bool(p.method.modules_to_save),
        "no key for modules that are trained along with an adapter",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.method.start_from is not None,
        "the saved adapter's settings would replace the recipe's: merge it into its base model first",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits == 8,
        "no key for 8 bits, which failed on Qwen3-4B-Instruct-2507 before 2026.1 (unsloth#3501)",
    ),
    UnsupportedSetting(
        "quantization.type",
        lambda p: p.quantization.bits == 4 and p.quantization.type != "nf4",
        "`load_in_4bit` is always NF4",
    ),
    UnsupportedSetting(
        "quantization.double",
        lambda p: p.quantization.bits == 4 and not p.quantization.double,
        "`load_in_4bit` always uses double quantization",
    ),
    UnsupportedSetting(
        "quantization.storage",
        _is_written("quantization.storage"),
        "no key for the storage of 4-bit weights",
    ),
    UnsupportedSetting("quantization.experts", lambda p: p.quantization.experts, "no key for the experts of a mixture"),
)
HARDWARE = (
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.strategy != "single" and "hardware.strategy" in p.set_fields,
        "`unsloth train` runs in one process: write `strategy: single`",
    ),
    UnsupportedSetting("hardware.nodes", lambda p: p.hardware.nodes > 1, "one node only"),
    UnsupportedSetting("hardware.offload", lambda p: p.hardware.offload != "none", "there is no key for it"),
    *(
        UnsupportedSetting(f"hardware.{name}_parallel", partial(_is_split, f"{name}_parallel"), "one GPU only")
        for name in ("tensor", "context", "pipeline", "expert")
    ),
    UnsupportedSetting(
        "hardware.device",
        lambda p: p.hardware.device == "cpu",
        "`unsloth train` fails on a CPU (`unexpected keyword argument 'on_model_resolved'`)",
    ),
    UnsupportedSetting(
        "hardware.gpus",
        lambda p: p.hardware.world > 1,
        "no key for several GPUs",
    ),
)
UNSUPPORTED_SETTINGS = (
    UnsupportedSetting(
        "model.source", lambda p: p.model.source is not None, "models are loaded from the Hugging Face hub only"
    ),
    *OBJECTIVES,
    *HARDWARE,
    *ROWS,
    *OPTIMIZATION,
    *CHECKPOINTS,
    *MODEL,
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: p.method.adapter and p.training.weights_dtype != "float32",
        "adapters are always held in float32",
    ),
)
RESUME_UNSUPPORTED = (
    UnsupportedSetting("training.save_every", lambda p: True, "`unsloth train` always starts from the beginning"),
)
