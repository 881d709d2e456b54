"""Settings that LLaMA-Factory does not support."""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import UNSUPPORTED_WEIGHTS_DTYPES, wants_bfloat16
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS


def _has_unsupported_loss(plan: Plan) -> bool:
    return plan.objective.type == "dpo" and plan.objective.loss not in ("sigmoid", "robust")


def _has_unsupported_storage(plan: Plan) -> bool:
    asked = plan.quantization.bits == 4 and "quantization.storage" in plan.set_fields
    return asked and plan.quantization.storage != plan.training.precision


def _has_unsupported_pissa(plan: Plan) -> bool:
    beside = plan.quantization.bits != 16 or plan.objective.type in ("dpo", "kto") or plan.hardware.strategy == "zero3"
    return plan.method.variant == "pissa" and beside


def _decays_norms_and_biases(plan: Plan) -> bool:
    t, trains_them = plan.training, not plan.method.adapter or plan.objective.type == "reward"
    return t.optimizer == "muon" and t.weight_decay > 0 and trains_them


def _has_unsupported_pack_length(plan: Plan) -> bool:
    t = plan.training
    return t.packing and t.attention in ("sdpa", "eager") and t.pack_length % 8 != 0


def _packs_several_at_a_time(plan: Plan) -> bool:
    t = plan.training
    return t.packing and t.attention == "flash_attention_2" and t.micro_batch_size > 1 and plan.objective.type == "sft"


def _cuts_at_the_end_of_a_pack(plan: Plan) -> bool:
    t, own = plan.training, plan.chat.template == "base" and not plan.chat.exact
    return own and t.packing and t.overlong == "truncate" and t.pack_length > t.sequence_length


UNSUPPORTED_SETTINGS = (
    UnsupportedSetting(
        "model.source",
        lambda p: p.model.source is not None,
        "its environment lacks the package modelscope",
    ),
    *UNSUPPORTED_WEIGHTS_DTYPES,
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: wants_bfloat16(p) and p.method.adapter,
        "adapters are always held in float32",
    ),
    UnsupportedSetting(
        "training.micro_batch_size",
        _packs_several_at_a_time,
        "one pack at a time with FlashAttention 2; use `attention: sdpa` for several",
    ),
    UnsupportedSetting(
        "method.dropout",
        lambda p: p.method.adapter and p.method.dropout > 0 and p.objective.type in ("dpo", "orpo", "simpo", "kto"),
        "dropout is disabled in preference training",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        lambda p: p.objective.type == "reward" and p.training.early_stopping is not None,
        "fails: reward models cannot load the best checkpoint at the end",
    ),
    UnsupportedSetting(
        "training.neftune",
        lambda p: p.objective.type == "reward" and p.training.neftune is not None,
        "fails: NEFTune does not find the embeddings of reward models",
    ),
    UnsupportedSetting(
        "method.lora_plus",
        lambda p: p.method.lora_plus is not None and p.training.optimizer == "muon",
        "LoRA+ trains with AdamW instead of Muon",
    ),
    UnsupportedSetting(
        "training.weight_decay",
        _decays_norms_and_biases,
        "its Muon decays norms and biases too, which the other optimizers except, and no key changes it: "
        "write `weight_decay: 0`",
    ),
    UnsupportedSetting(
        "chat.encoding",
        lambda p: p.chat.exact and (p.training.packing or p.data.streaming),
        "tokenized data cannot be packed; streaming it is not tested",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "ppo",
        "PPO needs a TRL version that its own requirements exclude",
    ),
    UnsupportedSetting("objective.type", lambda p: p.objective.type == "grpo", "no GRPO and no reward functions"),
    UnsupportedSetting(
        "training.packing",
        lambda p: p.training.packing and p.objective.type == "sft",
        "0.9.4 separates packed examples (`neat_packing`) only with transformers below 4.53; the locked version is "
        "newer",
        until="0.9.5",
    ),
    UnsupportedSetting("objective.loss", _has_unsupported_loss, "other losses silently train as sigmoid"),
    UnsupportedSetting(
        "objective.loss",
        lambda p: p.objective.loss == "robust",
        "label smoothing gives the conservative loss, not the robust one",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "its only KL term (ASFT) comes with a loss that weights tokens by their probability",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.method.adapter and p.hardware.strategy == "fsdp1",
        "FSDP1 saved adapters without weights and failed with DoRA (docs/research/strategies.md); use `fsdp`",
    ),
    UnsupportedSetting(
        "chat.template",
        lambda p: not p.chat.official and not p.chat.exact,
        "no Jinja templates; for SFT without packing and streaming, use `chat.encoding: exact`",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "dora" and p.quantization.bits != 16,
        "DoRA on a quantized base has been refused since 0.9.3",
    ),
    UnsupportedSetting(
        "method.type",
        lambda p: p.objective.type == "reward" and not p.method.adapter and p.model.tied,
        "saving a reward model with tied embeddings fails",
    ),
    UnsupportedSetting(
        "method.variant",
        _has_unsupported_pissa,
        "PiSSA needs an unquantized base, no reference model and no ZeRO-3",
    ),
    UnsupportedSetting(
        "method.layers",
        lambda p: p.method.adapter and p.method.layers is not None and p.method.start_from is None,
        "adapters are put on every layer",
    ),
    UnsupportedSetting(
        "training.precision",
        lambda p: p.training.precision == "fp32" and (p.method.type == "freeze" or bool(p.method.modules_to_save)),
        "fails: frozen weights stay in bf16 while trained ones are in fp32",
    ),
    UnsupportedSetting(
        "quantization.storage", _has_unsupported_storage, "4-bit weights are always stored in the compute precision"
    ),
    UnsupportedSetting(
        "quantization.experts",
        lambda p: p.quantization.experts,
        "it has no option for it, and bitsandbytes quantizes linear layers only",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits == 8 and (p.hardware.fsdp or p.hardware.strategy == "zero3"),
        "8-bit bases cannot be sharded",
    ),
    UnsupportedSetting(
        "training.pack_length",
        lambda p: p.objective.type == "sft" and _cuts_at_the_end_of_a_pack(p),
        "it would truncate examples at pack_length instead of sequence_length: use `overlong: drop`, or leave "
        "pack_length out",
    ),
    UnsupportedSetting(
        "training.pack_length",
        lambda p: _has_unsupported_pack_length(p) and p.training.pack_length != p.training.sequence_length,
        "packing without FlashAttention needs a multiple of 8 (hiyouga/LlamaFactory#10737)",
    ),
    UnsupportedSetting(
        "training.sequence_length",
        lambda p: _has_unsupported_pack_length(p) and p.training.pack_length == p.training.sequence_length,
        "packing without FlashAttention needs a multiple of 8 (hiyouga/LlamaFactory#10737)",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention in ("flash_attention_3", "flash_attention_4", "flex_attention"),
        "supports eager, sdpa and flash_attention_2 only",
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
    UnsupportedSetting(
        "training.fp8",
        lambda p: p.training.fp8 and p.quantization.bits != 16,
        "FP8 needs an unquantized base",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer == "muon" and (p.hardware.deepspeed or p.hardware.fsdp),
        "Muon does not support sharded weights",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer in LOW_RANK_OPTIMIZERS and (p.hardware.deepspeed or p.hardware.fsdp),
        "gradient projection needs whole gradients, which this strategy shards",
    ),
    UnsupportedSetting("hardware.tensor_parallel", lambda p: p.hardware.tensor_parallel > 1, "no tensor parallelism"),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.megatron,
        "Megatron is a separate program with other keys",
    ),
    UnsupportedSetting(
        "hardware.context_parallel", lambda p: p.hardware.context_parallel > 1, "no context parallelism"
    ),
    UnsupportedSetting(
        "output.dir", lambda p: any(c.isspace() for c in p.output.dir), "paths with spaces are not supported"
    ),
    UnsupportedSetting(
        "data.streaming",
        lambda p: p.data.streaming and not p.objective.next_token,
        "streaming of preferences is not tried here",
    ),
)

RESUME_UNSUPPORTED = (
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "reward",
        "the trainer of reward models does not find its weights in a checkpoint",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.method.adapter and p.hardware.fsdp,
        "under FSDP, only the first GPU's shard of the adapter is restored, silently",
    ),
)
"""Reward models: seen with an adapter, where it ends with an error; whole weights it would leave as they were before
training, silently. Adapters under FSDP: LoRA was run (docs/research/strategies.md),
QLoRA goes the same way. Read in accelerate
1.11: each process keeps its own share of the adapter's weights, and only the first one's are saved and loaded. With
ms-swift's 1.15 all of it comes back."""
