"""What LLaMA-Factory can't be told."""

from __future__ import annotations

from qwen_recipes.backends.base import Limit
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.layouts import LOW_RANK


def _loss(plan: Plan) -> bool:
    return plan.objective.type == "dpo" and plan.objective.loss not in ("sigmoid", "robust")


def _storage(plan: Plan) -> bool:
    asked = plan.quantization.bits == 4 and "quantization.storage" in plan.asked
    return asked and plan.quantization.storage != plan.training.precision


def _pissa(plan: Plan) -> bool:
    beside = plan.quantization.bits != 16 or plan.objective.type in ("dpo", "kto") or plan.hardware.strategy == "zero3"
    return plan.method.variant == "pissa" and beside


def _odd_packs(plan: Plan) -> bool:
    t = plan.training
    return t.packing and t.attention in ("sdpa", "eager") and t.sequence_length % 8 != 0


LIMITS = (
    Limit(
        "chat.encoding",
        lambda p: p.chat.exact and (p.training.packing or p.data.streaming),
        "rows that are tokenized already it neither packs nor is known to stream",
    ),
    Limit(
        "chat.encoding",
        lambda p: p.chat.exact and p.objective.type == "pretrain",
        "in pre-training it makes labels of ids itself, and leaves out every `<|endoftext|>`",
    ),
    Limit("objective.type", lambda p: p.objective.type == "ppo", "its PPO wants a TRL that its own pins exclude"),
    Limit("objective.type", lambda p: p.objective.type == "grpo", "it has no GRPO, and calls no reward functions"),
    Limit(
        "training.packing",
        lambda p: p.training.packing and p.objective.type == "sft",
        "0.9.4 keeps packed rows apart (`neat_packing`) only with a transformers below 4.53, which ours is not",
        until="0.9.5",
    ),
    Limit("objective.loss", _loss, "it trains every other loss as plain sigmoid, and says nothing"),
    Limit(
        "objective.loss",
        lambda p: p.objective.loss == "robust",
        "its label smoothing is the conservative loss, not the robust one",
    ),
    Limit(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "its only divergence (ASFT) comes with a loss that weighs tokens by their own probability",
    ),
    Limit(
        "hardware.strategy",
        lambda p: p.method.adapter and p.hardware.strategy == "fsdp1",
        "under FSDP1 transformers' Trainer saved an adapter without weights, and DoRA died (docs/strategies.md): "
        "`fsdp` shards an adapter's base too",
    ),
    Limit(
        "chat.template",
        lambda p: not p.chat.official and not p.chat.exact,
        "its templates are Python code: it reads no Jinja file; in SFT `chat.encoding: exact`, neither packed nor "
        "streamed, hands over tokens",
    ),
    Limit(
        "method.variant",
        lambda p: p.method.variant == "dora" and p.quantization.bits != 16,
        "it refuses DoRA on any quantized base since 0.9.3",
    ),
    Limit(
        "method.type",
        lambda p: p.objective.type == "reward" and not p.method.adapter and p.model.tied,
        "its trainer of reward models fails when it saves embeddings that are tied",
    ),
    Limit("method.variant", _pissa, "it starts PiSSA from whole weights only, without a reference and without ZeRO-3"),
    Limit(
        "method.layers",
        lambda p: p.method.adapter and p.method.layers is not None,
        "it puts an adapter on every layer",
    ),
    Limit(
        "training.precision",
        lambda p: p.training.precision == "fp32" and (p.method.type == "freeze" or bool(p.method.modules_to_save)),
        "it leaves frozen weights in bf16 beside trained ones in fp32, and the two do not multiply",
    ),
    Limit("quantization.storage", _storage, "it stores 4-bit weights in the compute type, always"),
    Limit(
        "quantization.bits",
        lambda p: p.quantization.bits == 8 and (p.hardware.fsdp or p.hardware.strategy == "zero3"),
        "it shards a 4-bit base, not an 8-bit one",
    ),
    Limit(
        "training.sequence_length",
        _odd_packs,
        "without flash attention it packs only to a multiple of 8 (LlamaFactory#10737)",
    ),
    Limit(
        "training.attention",
        lambda p: p.training.attention in ("flash_attention_3", "flex_attention"),
        "it knows eager, sdpa and FlashAttention 2",
    ),
    Limit(
        "training.kernels",
        lambda p: p.training.cut_cross_entropy or p.training.lora_kernels,
        "of fused kernels it has Liger's alone",
    ),
    Limit(
        "training.gradient_checkpointing",
        lambda p: p.training.offload_activations,
        "it keeps what checkpointing leaves on the GPU",
    ),
    Limit(
        "training.fp8",
        lambda p: p.training.fp8 and p.quantization.bits != 16,
        "it computes in FP8 on whole weights only",
    ),
    Limit(
        "training.optimizer",
        lambda p: p.training.optimizer == "muon" and (p.hardware.deepspeed or p.hardware.fsdp),
        "its Muon does not know sharded weights",
    ),
    Limit(
        "training.optimizer",
        lambda p: p.training.optimizer in LOW_RANK and (p.hardware.deepspeed or p.hardware.fsdp),
        "gradients are projected whole, and this strategy shards them",
    ),
    Limit("hardware.tensor_parallel", lambda p: p.hardware.tensor_parallel > 1, "it splits no layers"),
    Limit(
        "hardware.strategy",
        lambda p: p.hardware.megatron,
        "its Megatron adapter is another program with keys of its own",
    ),
    Limit("hardware.context_parallel", lambda p: p.hardware.context_parallel > 1, "it splits no sequences"),
    Limit("output.dir", lambda p: any(c.isspace() for c in p.output.dir), "it splits its arguments at blanks"),
    Limit(
        "data.streaming",
        lambda p: p.data.streaming and p.objective.type not in ("sft", "pretrain"),
        "streaming of preferences is not tried here",
    ),
)

RESUME_LIMITS = (
    Limit(
        "objective.type",
        lambda p: p.objective.type == "reward",
        "its trainer of reward models does not find its own weights in a checkpoint",
    ),
    Limit(
        "hardware.strategy",
        lambda p: p.method.adapter and p.hardware.fsdp,
        "under FSDP its accelerate brings back the first GPU's share of the adapter only, and says nothing",
    ),
)
"""Reward models: seen with an adapter, where it ends with an error; whole weights it would leave as they were before
training, silently. Adapters under FSDP: LoRA was run (docs/strategies.md), QLoRA goes the same way. Read in accelerate
1.11: each process keeps its own share of the adapter's weights, and only the first one's are saved and loaded. With
ms-swift's 1.15 all of it comes back."""
