"""What LLaMA-Factory can't be told."""

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
    return t.packing and t.attention in ("sdpa", "eager") and t.sequence_length % 8 != 0


def _packs_several_at_a_time(plan: Plan) -> bool:
    t = plan.training
    return t.packing and t.attention == "flash_attention_2" and t.micro_batch_size > 1 and plan.objective.type == "sft"


UNSUPPORTED_SETTINGS = (
    *UNSUPPORTED_WEIGHTS_DTYPES,
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: wants_bfloat16(p) and p.method.adapter,
        "under `pure_bf16` too PEFT makes an adapter float32, and no key of it says otherwise",
    ),
    UnsupportedSetting(
        "training.micro_batch_size",
        _packs_several_at_a_time,
        "with FlashAttention 2 its collator takes one pack at a time; with `attention: sdpa` several",
    ),
    UnsupportedSetting(
        "method.dropout",
        lambda p: p.method.adapter and p.method.dropout > 0 and p.objective.type in ("dpo", "orpo", "simpo", "kto"),
        "it turns dropout off in preference training, and has no place for a plugin",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        lambda p: p.objective.type == "reward" and p.training.early_stopping is not None,
        "it stops with an error: its reward models can't load the best checkpoint at the end",
    ),
    UnsupportedSetting(
        "training.neftune",
        lambda p: p.objective.type == "reward" and p.training.neftune is not None,
        "it stops with an error: NEFTune does not find the embeddings in its reward models",
    ),
    UnsupportedSetting(
        "method.lora_plus",
        lambda p: p.method.lora_plus is not None and p.training.optimizer == "muon",
        "under LoRA+ it trains with AdamW instead of Muon",
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
        "rows that are tokenized already it neither packs nor is known to stream",
    ),
    UnsupportedSetting(
        "objective.type", lambda p: p.objective.type == "ppo", "its PPO wants a TRL that its own pins exclude"
    ),
    UnsupportedSetting(
        "objective.type", lambda p: p.objective.type == "grpo", "it has no GRPO, and calls no reward functions"
    ),
    UnsupportedSetting(
        "training.packing",
        lambda p: p.training.packing and p.objective.type == "sft",
        "0.9.4 keeps packed rows apart (`neat_packing`) only with a transformers below 4.53, which ours is not",
        until="0.9.5",
    ),
    UnsupportedSetting(
        "objective.loss", _has_unsupported_loss, "it trains every other loss as plain sigmoid, and says nothing"
    ),
    UnsupportedSetting(
        "objective.loss",
        lambda p: p.objective.loss == "robust",
        "its label smoothing is the conservative loss, not the robust one",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "its only divergence (ASFT) comes with a loss that weighs tokens by their own probability",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.method.adapter and p.hardware.strategy == "fsdp1",
        "under FSDP1 transformers' Trainer saved an adapter without weights, and DoRA died "
        "(docs/research/strategies.md): "
        "`fsdp` shards an adapter's base too",
    ),
    UnsupportedSetting(
        "chat.template",
        lambda p: not p.chat.official and not p.chat.exact,
        "its templates are Python code: it reads no Jinja file; in SFT `chat.encoding: exact`, neither packed nor "
        "streamed, hands over tokens",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "dora" and p.quantization.bits != 16,
        "it refuses DoRA on any quantized base since 0.9.3",
    ),
    UnsupportedSetting(
        "method.type",
        lambda p: p.objective.type == "reward" and not p.method.adapter and p.model.tied,
        "its trainer of reward models fails when it saves embeddings that are tied",
    ),
    UnsupportedSetting(
        "method.variant",
        _has_unsupported_pissa,
        "it starts PiSSA from whole weights only, without a reference and without ZeRO-3",
    ),
    UnsupportedSetting(
        "method.layers",
        lambda p: p.method.adapter and p.method.layers is not None and p.method.start_from is None,
        "it puts an adapter on every layer",
    ),
    UnsupportedSetting(
        "training.precision",
        lambda p: p.training.precision == "fp32" and (p.method.type == "freeze" or bool(p.method.modules_to_save)),
        "it leaves frozen weights in bf16 beside trained ones in fp32, and the two do not multiply",
    ),
    UnsupportedSetting(
        "quantization.storage", _has_unsupported_storage, "it stores 4-bit weights in the compute type, always"
    ),
    UnsupportedSetting(
        "quantization.experts",
        lambda p: p.quantization.experts,
        "it has no option for it, and bitsandbytes quantizes linear layers only",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits == 8 and (p.hardware.fsdp or p.hardware.strategy == "zero3"),
        "it shards a 4-bit base, not an 8-bit one",
    ),
    UnsupportedSetting(
        "training.sequence_length",
        _has_unsupported_pack_length,
        "without flash attention it packs only to a multiple of 8 (LlamaFactory#10737)",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention in ("flash_attention_3", "flex_attention"),
        "it knows eager, sdpa and FlashAttention 2",
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
        "training.fp8",
        lambda p: p.training.fp8 and p.quantization.bits != 16,
        "it computes in FP8 on whole weights only",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer == "muon" and (p.hardware.deepspeed or p.hardware.fsdp),
        "its Muon does not know sharded weights",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer in LOW_RANK_OPTIMIZERS and (p.hardware.deepspeed or p.hardware.fsdp),
        "gradients are projected whole, and this strategy shards them",
    ),
    UnsupportedSetting("hardware.tensor_parallel", lambda p: p.hardware.tensor_parallel > 1, "it splits no layers"),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.hardware.megatron,
        "its Megatron adapter is another program with keys of its own",
    ),
    UnsupportedSetting(
        "hardware.context_parallel", lambda p: p.hardware.context_parallel > 1, "it splits no sequences"
    ),
    UnsupportedSetting(
        "output.dir", lambda p: any(c.isspace() for c in p.output.dir), "it splits its arguments at blanks"
    ),
    UnsupportedSetting(
        "data.streaming",
        lambda p: p.data.streaming and p.objective.type not in ("sft", "pretrain"),
        "streaming of preferences is not tried here",
    ),
)

RESUME_UNSUPPORTED = (
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "reward",
        "its trainer of reward models does not find its own weights in a checkpoint",
    ),
    UnsupportedSetting(
        "hardware.strategy",
        lambda p: p.method.adapter and p.hardware.fsdp,
        "under FSDP its accelerate brings back the first GPU's share of the adapter only, and says nothing",
    ),
)
"""Reward models: seen with an adapter, where it ends with an error; whole weights it would leave as they were before
training, silently. Adapters under FSDP: LoRA was run (docs/research/strategies.md),
QLoRA goes the same way. Read in accelerate
1.11: each process keeps its own share of the adapter's weights, and only the first one's are saved and loaded. With
ms-swift's 1.15 all of it comes back."""
