"""Settings that ms-swift does not support."""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.low_rank_optimizers import UNSUPPORTED_SETTINGS as LOW_RANK_SETTINGS
from qwen_recipes.backends.ms_swift.megatron import UNSUPPORTED_SETTINGS as MEGATRON
from qwen_recipes.backends.ms_swift.plugins import counts_saves, loses_dropout
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import UNSUPPORTED_WEIGHTS_DTYPES, wants_bfloat16
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS


def _packs_without_flash_attention(plan: Plan) -> bool:
    return plan.training.packing and not plan.training.attention.startswith("flash_attention")


def _ignores_label_smoothing(plan: Plan) -> bool:
    o = plan.objective
    return o.type == "dpo" and o.label_smoothing > 0 and o.loss not in ("sigmoid", "robust", "exo_pair", "aot")


UNSUPPORTED_SETTINGS = (
    *UNSUPPORTED_WEIGHTS_DTYPES,
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: wants_bfloat16(p) and p.method.adapter,
        "adapters are held in float32 before 4.0",
        until="4.0",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.megatron,
        "Megatron is not tested before 4.0",
        until="4.0",
    ),
    UnsupportedSetting(
        "chat.encoding",
        lambda p: p.chat.exact and (p.data.streaming or p.objective.kl_weight is not None),
        "tokenized data is not tested with streaming or with `kl_weight`",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "ppo",
        "PPO needs a reward model, which a recipe cannot name",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type in ("orpo", "simpo", "reward", "kto", "grpo") and p.hardware.context_parallel > 1,
        "context parallelism is tested with SFT and DPO only",
    ),
    UnsupportedSetting(
        "training.overlong",
        lambda p: p.objective.type == "grpo" and p.training.overlong == "truncate",
        "prompts are truncated at the beginning",
    ),
    UnsupportedSetting(
        "training.overlong",
        lambda p: p.objective.kl_weight is not None and p.training.overlong == "truncate",
        "with `kl_weight`, examples are encoded within the step and never truncated: use `overlong: drop`",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.liger and p.objective.type == "grpo",
        "Liger replaces the GRPO loss by another one",
    ),
    UnsupportedSetting(
        "method.dropout",
        lambda p: loses_dropout(p) and p.objective.type != "grpo",
        "TRL disables dropout in preference training; the plugin that keeps it is tested from 4.0 on",
        until="4.0",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        counts_saves,
        "patience is counted in checkpoints before 4.0: set `training.save_every` to `training.evaluate_every`",
        until="4.0",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.objective.type == "reward" and p.method.start_from is not None,
        "fails: PEFT cannot load a language model's adapter into a reward model",
    ),
    UnsupportedSetting(
        "method.lora_plus",
        lambda p: p.method.lora_plus is not None and p.method.start_from is not None,
        "the ratio of the saved adapter is used instead",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "pissa" and p.objective.compares and p.method.start_from is None,
        "the reference model is the base without the adapter, which PiSSA changes",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "not tested before 4.0",
        until="4.0",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.strategy == "fsdp",
        "FSDP settings are not tested before 4.0",
        until="4.0",
    ),
    UnsupportedSetting(
        "chat.template",
        lambda p: not p.chat.official and not p.chat.exact,
        "no Jinja templates in training; for SFT, use `chat.encoding: exact`",
    ),
    UnsupportedSetting("training.packing", _packs_without_flash_attention, "packing needs FlashAttention"),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.packing and p.training.attention == "flash_attention_4",
        "packs do not train with FlashAttention 4 (huggingface/transformers#48353); use flash_attention_2",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.hardware.megatron and p.training.attention == "flash_attention_4",
        "FlashAttention 4 was not tried with Megatron here",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention == "flash_attention_4",
        "FlashAttention 4 is not checked before 4.6",
        until="4.6",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "pissa" and p.quantization.bits != 16,
        "PiSSA needs the principal components of unquantized weights",
    ),
    UnsupportedSetting(
        "quantization.experts",
        lambda p: p.quantization.experts,
        "it has no option for it, and bitsandbytes quantizes linear layers only",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits != 16 and p.hardware.strategy == "zero3",
        "ZeRO-3 fails with a quantized base (modelscope/ms-swift#8267)",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits == 8 and p.hardware.fsdp,
        "FSDP2 shards 4-bit bases, not 8-bit ones",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer == "muon",
        "Muon's code is cloned from GitHub when a run starts, at no fixed version",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.cut_cross_entropy or p.training.lora_kernels,
        "Liger is the only kernel supported",
    ),
    UnsupportedSetting(
        "training.gradient_checkpointing",
        lambda p: p.training.offload_activations,
        "checkpointed activations cannot be offloaded",
    ),
    *LOW_RANK_SETTINGS,
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer in LOW_RANK_OPTIMIZERS and (p.hardware.deepspeed or p.hardware.fsdp),
        "gradient projection needs whole gradients, which this strategy shards",
    ),
    UnsupportedSetting("training.fp8", lambda p: p.training.fp8, "FP8 needs Megatron, where it is not tested"),
    UnsupportedSetting("hardware.strategy", lambda p: p.hardware.strategy == "fsdp1", "no FSDP1; use fsdp"),
    UnsupportedSetting(
        "hardware.tensor_parallel",
        lambda p: (
            p.hardware.tensor_parallel > 1
            and not p.hardware.megatron
            and (p.method.adapter or not p.hardware.deepspeed)
        ),
        "tensor parallelism needs full fine-tuning under DeepSpeed, or Megatron",
    ),
    UnsupportedSetting("objective.label_smoothing", _ignores_label_smoothing, "this loss ignores label smoothing"),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.liger and p.objective.kl_weight is not None,
        "Liger's distillation loss has no next-token term",
    ),
    *MEGATRON,
)
