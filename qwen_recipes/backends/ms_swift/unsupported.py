"""What ms-swift can't be told."""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.ms_swift.megatron import UNSUPPORTED_SETTINGS as MEGATRON
from qwen_recipes.backends.ms_swift.plugins import counts_saves, loses_dropout
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import UNSUPPORTED_WEIGHTS_DTYPES, wants_bfloat16
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS


def _packs_without_flash_attention(plan: Plan) -> bool:
    return plan.training.packing and plan.training.attention not in ("flash_attention_2", "flash_attention_3")


def _lacks_flash_attention(plan: Plan) -> bool:
    managed = plan.run.environment == "managed" and plan.hardware.device == "cuda" and not plan.hardware.megatron
    return plan.training.packing and managed and not _packs_without_flash_attention(plan)


def _ignores_label_smoothing(plan: Plan) -> bool:
    o = plan.objective
    return o.type == "dpo" and o.label_smoothing > 0 and o.loss not in ("sigmoid", "robust", "exo_pair", "aot")


UNSUPPORTED_SETTINGS = (
    *UNSUPPORTED_WEIGHTS_DTYPES,
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: wants_bfloat16(p) and p.method.adapter,
        "callbacks that a plugin brings are chosen by name from 4.0 on: before, an adapter is held in float32",
        until="4.0",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.megatron,
        "what its Megatron took before version 4 was not looked at",
        until="4.0",
    ),
    UnsupportedSetting(
        "chat.encoding",
        lambda p: p.chat.exact and (p.data.streaming or p.objective.kl_weight is not None),
        "rows that are tokenized already are tried here neither streamed nor in its distillation",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "ppo",
        "its PPO wants a reward model, which a recipe has no field for",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type in ("orpo", "simpo", "reward", "kto", "grpo") and p.hardware.context_parallel > 1,
        "it splits sequences in SFT and DPO only, as far as was tried",
    ),
    UnsupportedSetting(
        "training.overlong",
        lambda p: p.objective.type == "grpo" and p.training.overlong == "truncate",
        "it cuts prompts at their beginning",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.liger and p.objective.type == "grpo",
        "its Liger puts a loss of its own in place of GRPO's",
    ),
    UnsupportedSetting(
        "method.dropout",
        lambda p: loses_dropout(p) and p.objective.type != "grpo",
        "TRL turns dropout off in preference training; the plugin that keeps it was not tried before 4.0",
        until="4.0",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        counts_saves,
        "it counts patience in checkpoints: set `training.save_every` to `training.evaluate_every`",
        until="4.0",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.objective.type == "reward" and p.method.start_from is not None,
        "it stops with an error: PEFT puts no adapter of a language model on its reward models",
    ),
    UnsupportedSetting(
        "method.lora_plus",
        lambda p: p.method.lora_plus is not None and p.method.start_from is not None,
        "it takes the ratio from the saved adapter, and ignores this one",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "pissa" and p.objective.compares and p.method.start_from is None,
        "its reference is the model without the adapter, and PiSSA takes the adapter's part out of that model",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "its distillation before 4.0 was not held against the anchored loss here",
        until="4.0",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.strategy == "fsdp",
        "the form of its FSDP settings before 4.0 was not tried here",
        until="4.0",
    ),
    UnsupportedSetting(
        "chat.template",
        lambda p: not p.chat.official and not p.chat.exact,
        "it reads no Jinja file in training; in SFT `chat.encoding: exact` hands over tokens",
    ),
    UnsupportedSetting("training.packing", _packs_without_flash_attention, "it packs only with flash attention"),
    UnsupportedSetting(
        "training.packing",
        _lacks_flash_attention,
        "it packs only with flash attention, which its managed environment does not have: install flash-attn beside "
        "ms-swift in an environment of your own, and name that in `run.environment`",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "pissa" and p.quantization.bits != 16,
        "PiSSA starts from the weights' principal components, which a quantized base does not have",
    ),
    UnsupportedSetting(
        "quantization.experts",
        lambda p: p.quantization.experts,
        "it has no option for it, and bitsandbytes quantizes linear layers only",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits != 16 and p.hardware.strategy == "zero3",
        "its ZeRO-3 fails on a quantized base (ms-swift#8267)",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits == 8 and p.hardware.fsdp,
        "it shards a 4-bit base under FSDP2, not an 8-bit one",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer == "muon",
        "it clones Muon's code from GitHub when a run starts, at no fixed version",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.cut_cross_entropy or p.training.lora_kernels,
        "of fused kernels it has Liger's alone",
    ),
    UnsupportedSetting(
        "training.gradient_checkpointing",
        lambda p: p.training.offload_activations,
        "it keeps what checkpointing leaves on the GPU",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer in LOW_RANK_OPTIMIZERS and (p.hardware.deepspeed or p.hardware.fsdp),
        "gradients are projected whole, and this strategy shards them",
    ),
    UnsupportedSetting(
        "training.fp8", lambda p: p.training.fp8, "it trains in FP8 under Megatron only, which was not tried"
    ),
    UnsupportedSetting("hardware.strategy", lambda p: p.hardware.strategy == "fsdp1", "it knows FSDP2 alone"),
    UnsupportedSetting(
        "hardware.tensor_parallel",
        lambda p: (
            p.hardware.tensor_parallel > 1
            and not p.hardware.megatron
            and (p.method.adapter or not p.hardware.deepspeed)
        ),
        "it splits layers in full fine-tuning under DeepSpeed, or under Megatron",
    ),
    UnsupportedSetting(
        "objective.label_smoothing", _ignores_label_smoothing, "this loss has no label smoothing: it would be ignored"
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.liger and p.objective.kl_weight is not None,
        "Liger's distillation has no next-token loss beside it",
    ),
    *MEGATRON,
)
