"""ms-swift's Megatron: the command `megatron`, with words and limits of its own.

What is compiled for it is held against its arguments' schema. It was never run here: Megatron-Core wants GPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan
from qwen_recipes.qwen.facts import ATTENTION_MODULES, MLP_MODULES

NATIVE_VALUES: dict[str, Mapping[Any, Any]] = {
    "megatron_command": {"pretrain": "pt", "sft": "sft", "dpo": "rlhf"},
    "megatron_scheduler": {
        "cosine": "cosine",
        "cosine_with_min_lr": "cosine",
        "linear": "linear",
        "constant_with_warmup": "constant",
    },
    "megatron_optimizer": {"adamw_torch_fused": "adam", "sgd": "sgd"},
    "megatron_attention": {
        "sdpa": "auto",
        "eager": "unfused",
        "flash_attention_2": "flash_2",
        "flash_attention_3": "flash_3",
    },
}
"""Its names: Megatron fuses q, k and v into one layer, and gate and up into another."""


def _has_unsupported_targets(plan: Plan) -> bool:
    return plan.method.adapter and set(plan.method.targets) not in (
        set(ATTENTION_MODULES),
        {*ATTENTION_MODULES, *MLP_MODULES},
    )


def _evaluates_apart_from_saving(plan: Plan) -> bool:
    evaluate, save = plan.training.evaluate_every, plan.training.save_every
    return evaluate != "never" and "epoch" in (evaluate, save) and evaluate != save


_UNSUPPORTED: tuple[tuple[str, Callable[[Plan], bool], str], ...] = (
    (
        "objective.type",
        lambda p: p.objective.type not in ("sft", "pretrain", "dpo"),
        "Megatron supports SFT, pre-training and DPO only",
    ),
    (
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "Megatron computes the KL term on sampled answers",
    ),
    ("method.type", lambda p: p.method.type == "freeze", "layers have other names under Megatron"),
    ("method.variant", lambda p: p.method.variant != "plain", "Megatron supports plain LoRA only"),
    (
        "method.targets",
        _has_unsupported_targets,
        "Megatron fuses layers: target all attention layers or all linear layers",
    ),
    (
        "method.layers",
        lambda p: p.method.adapter and p.method.layers is not None,
        "Megatron puts adapters on every layer",
    ),
    ("method.lora_plus", lambda p: p.method.lora_plus is not None, "Megatron uses one learning rate for the adapter"),
    ("method.modules_to_save", lambda p: bool(p.method.modules_to_save), "modules have other names under Megatron"),
    ("quantization.bits", lambda p: p.quantization.bits != 16, "Megatron needs an unquantized base"),
    (
        "training.epochs",
        lambda p: p.training.epochs is not None and p.training.epochs != int(p.training.epochs),
        "Megatron takes whole epochs only",
    ),
    ("training.early_stopping", lambda p: p.training.early_stopping is not None, "Megatron has no early stopping"),
    (
        "training.evaluate_every",
        _evaluates_apart_from_saving,
        "Megatron evaluates per epoch only if it also saves per epoch",
    ),
    (
        "training.save_every",
        lambda p: p.training.save_every == "never" or isinstance(p.training.save_every, float),
        "Megatron saves per epoch or every N steps",
    ),
    (
        "training.evaluations_per_epoch",
        lambda p: isinstance(p.training.evaluate_every, float),
        "Megatron evaluates per epoch or every N steps",
    ),
    ("training.tf32", lambda p: not p.training.tf32, "Megatron decides itself"),
    ("training.keep_checkpoints", lambda p: p.training.keep_checkpoints < 2, "Megatron keeps at least two checkpoints"),
    ("training.neftune", lambda p: p.training.neftune is not None, "no NEFTune under Megatron"),
    ("training.compile", lambda p: p.training.compile, "Megatron has its own kernels"),
    ("training.kernels", lambda p: p.training.liger, "Megatron has its own kernels"),
    ("hardware.offload", lambda p: p.hardware.offload != "none", "offload under Megatron is not tested"),
    (
        "tracking.to",
        lambda p: p.tracking.to in ("mlflow", "trackio"),
        "Megatron supports tensorboard, wandb and swanlab only",
    ),
    ("output.hub.id", lambda p: p.output.hub is not None, "Megatron does not push to the hub"),
    ("data.streaming", lambda p: p.data.streaming, "streaming under Megatron is not tested"),
)


def _only_under_megatron(applies: Callable[[Plan], bool]) -> Callable[[Plan], bool]:
    return lambda plan: plan.hardware.megatron and applies(plan)


UNSUPPORTED_SETTINGS = tuple(
    UnsupportedSetting(field, _only_under_megatron(applies), why) for field, applies, why in _UNSUPPORTED
)
