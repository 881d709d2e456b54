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
        lambda p: p.objective.type not in ("sft", "pretrain"),
        "`unsloth train` has no DPO, KTO, GRPO or reward models: Unsloth trains them from Python only",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "it has no divergence from a reference model",
    ),
)
ROWS = (
    UnsupportedSetting("data.validation", lambda p: p.data.validates, "`unsloth train` has no evaluation"),
    UnsupportedSetting("data.streaming", lambda p: p.data.streaming, "`unsloth train` reads all rows first"),
    UnsupportedSetting(
        "training.packing",
        lambda p: p.training.packing,
        "it turns packing off silently where rows are handed over as ids, which alone are as the template says",
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
        "it has no key for them and uses 0.9 and 0.999",
    ),
    UnsupportedSetting("training.epsilon", lambda p: p.training.epsilon != 1e-8, "it has no key for it and uses 1e-8"),
    UnsupportedSetting(
        "training.max_grad_norm",
        lambda p: p.training.max_grad_norm != 1.0,
        "it has no key for it and clips gradients at 1.0",
    ),
    UnsupportedSetting(
        "hardware.gpu.bf16",
        lambda p: _has_other_precision(p) and _leaves_precision_open(p),
        "it computes in fp16 on a GPU without bf16: write `training.precision: fp16`",
    ),
    UnsupportedSetting(
        "training.precision",
        lambda p: _has_other_precision(p) and not _leaves_precision_open(p),
        "it has no key for it: bf16 on a GPU that has it, else fp16",
    ),
    UnsupportedSetting(
        "training.data_seed",
        lambda p: p.training.data_seed != p.training.seed,
        "it has one seed, `training.seed`",
    ),
    UnsupportedSetting("training.neftune", lambda p: p.training.neftune is not None, "it has no key for NEFTune"),
    UnsupportedSetting("training.fp8", lambda p: p.training.fp8, "it has no key for FP8"),
    UnsupportedSetting("training.compile", _is_written("training.compile"), "it compiles what it chooses to"),
    UnsupportedSetting("training.attention", _is_written("training.attention"), "it chooses the attention itself"),
    UnsupportedSetting("training.kernels", _is_written("training.kernels"), "it has kernels of its own, always on"),
    UnsupportedSetting("training.tf32", _is_written("training.tf32"), "it has no key for it"),
    UnsupportedSetting(
        "training.dataloader_workers", _is_written("training.dataloader_workers"), "it has no key for them"
    ),
)
CHECKPOINTS = (
    UnsupportedSetting(
        "training.save_every",
        _saves_between_steps,
        "`unsloth train` saves every so many steps or at the end: write a number of steps, or `never`",
    ),
    UnsupportedSetting(
        "training.saves_per_epoch", _is_written("training.saves_per_epoch"), "it saves every so many steps"
    ),
    UnsupportedSetting(
        "training.keep_checkpoints", _is_written("training.keep_checkpoints"), "it keeps every checkpoint"
    ),
    UnsupportedSetting(
        "training.save_optimizer", lambda p: not p.training.save_optimizer, "it always saves the optimizer's state"
    ),
    UnsupportedSetting("training.log_every", _logs_less, "it logs every step"),
    UnsupportedSetting("output.hub.id", lambda p: p.output.hub is not None, "`unsloth train` uploads nothing"),
    UnsupportedSetting(
        "tracking.to",
        lambda p: p.tracking.to not in ("none", "tensorboard", "wandb"),
        "it logs to TensorBoard and Weights & Biases only",
    ),
)
MODEL = (
    UnsupportedSetting(
        "model.revision", lambda p: p.model.revision is not None, "`unsloth train` loads the newest revision always"
    ),
    UnsupportedSetting(
        "chat.template",
        lambda p: p.objective.chat and not p.chat.compiled_in,
        "a template of your own beside an Unsloth model was not tried here",
    ),
    UnsupportedSetting("method.type", lambda p: p.method.type == "freeze", "it freezes no layers"),
    UnsupportedSetting(
        "method.type",
        lambda p: p.method.type == "full" and p.training.weights_dtype != "bfloat16",
        "it trains the whole model in bfloat16 only: add `training.weights_dtype: bfloat16`",
    ),
    UnsupportedSetting("method.variant", lambda p: p.method.variant == "pissa", "it has no PiSSA"),
    UnsupportedSetting(
        "method.layers",
        lambda p: p.method.adapter and p.method.layers is not None,
        "it puts an adapter on every layer",
    ),
    UnsupportedSetting(
        "method.lora_plus", lambda p: p.method.lora_plus is not None, "`unsloth train` has one learning rate"
    ),
    UnsupportedSetting(
        "method.modules_to_save",
        lambda p: bool(p.method.modules_to_save),
        "it has no key for modules that are trained whole beside an adapter",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.method.start_from is not None,
        "it would keep the saved adapter's settings in place of the recipe's: merge it into its base model first",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits == 8,
        "its config has no key for 8 bits, which failed on Qwen3-4B-Instruct-2507 before 2026.1 (unsloth#3501)",
    ),
    UnsupportedSetting(
        "quantization.type",
        lambda p: p.quantization.bits == 4 and p.quantization.type != "nf4",
        "its `load_in_4bit` is NF4",
    ),
    UnsupportedSetting(
        "quantization.double",
        lambda p: p.quantization.bits == 4 and not p.quantization.double,
        "its `load_in_4bit` quantizes twice",
    ),
    UnsupportedSetting(
        "quantization.storage",
        _is_written("quantization.storage"),
        "it has no key for the storage of 4-bit weights",
    ),
    UnsupportedSetting(
        "quantization.experts", lambda p: p.quantization.experts, "it has no key for the experts of a mixture"
    ),
)
HARDWARE = (
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.strategy != "single" and "hardware.strategy" in p.set_fields,
        "it trains in one process: `strategy: single`",
    ),
    UnsupportedSetting("hardware.nodes", lambda p: p.hardware.nodes > 1, "it trains on one host"),
    UnsupportedSetting("hardware.offload", lambda p: p.hardware.offload != "none", "it has no key for it"),
    *(
        UnsupportedSetting(f"hardware.{name}_parallel", partial(_is_split, f"{name}_parallel"), "it trains on one GPU")
        for name in ("tensor", "context", "pipeline", "expert")
    ),
    UnsupportedSetting(
        "hardware.device",
        lambda p: p.hardware.device == "cpu",
        "`unsloth train` ends with an error on a CPU (`unexpected keyword argument 'on_model_resolved'`)",
    ),
    UnsupportedSetting(
        "hardware.gpus",
        lambda p: p.hardware.world > 1,
        "its config has no key for several GPUs, and none were tried here",
    ),
)
UNSUPPORTED_SETTINGS = (
    UnsupportedSetting("model.source", lambda p: p.model.source is not None, "it loads from the Hugging Face hub"),
    *OBJECTIVES,
    *HARDWARE,
    *ROWS,
    *OPTIMIZATION,
    *CHECKPOINTS,
    *MODEL,
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: p.method.adapter and p.training.weights_dtype != "float32",
        "it holds adapters in float32",
    ),
)
RESUME_UNSUPPORTED = (
    UnsupportedSetting("training.save_every", lambda p: True, "`unsloth train` always starts from the beginning"),
)
