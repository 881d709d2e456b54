"""Settings that Axolotl does not support."""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.low_rank_optimizers import UNSUPPORTED_SETTINGS as LOW_RANK_SETTINGS
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import UNSUPPORTED_WEIGHTS_DTYPES
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS


def _ignores_label_smoothing(plan: Plan) -> bool:
    o = plan.objective
    return o.type == "dpo" and o.label_smoothing > 0 and o.loss not in ("robust", "exo_pair", "aot")


def _cuts_at_the_end_of_a_pack(plan: Plan) -> bool:
    t, own = plan.training, not plan.chat.official and not plan.chat.exact
    return own and t.packing and t.overlong == "truncate" and t.pack_length > t.sequence_length


UNSUPPORTED_SETTINGS = (
    UnsupportedSetting(
        "model.source", lambda p: p.model.source is not None, "models are loaded from the Hugging Face hub only"
    ),
    *UNSUPPORTED_WEIGHTS_DTYPES,
    UnsupportedSetting(
        "training.pack_length",
        lambda p: p.objective.type == "sft" and _cuts_at_the_end_of_a_pack(p),
        "it would truncate examples of your own template at pack_length instead of sequence_length: use "
        "`overlong: drop`, or `chat.encoding: exact`",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.method.start_from is not None and p.objective.type in ("dpo", "kto"),
        "DPO and KTO train a new adapter instead; the plugin that loads this one is tested from 0.17 on",
        until="0.17",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.objective.type == "reward" and p.method.start_from is not None,
        "it stops with an error: PEFT puts no adapter of a language model on its reward models",
    ),
    UnsupportedSetting(
        "method.dropout",
        lambda p: not p.objective.next_token and p.method.adapter and p.method.dropout > 0,
        "TRL disables dropout in preference training; the plugin that keeps it is tested from 0.17 on",
        until="0.17",
    ),
    UnsupportedSetting(
        "training.neftune",
        lambda p: not p.objective.next_token and p.objective.type != "reward" and p.training.neftune is not None,
        "preference trainers ignore it; the plugin that passes it on is tested from 0.17 on",
        until="0.17",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        lambda p: not p.objective.next_token and p.objective.type != "reward" and p.training.early_stopping is not None,
        "preference trainers ignore it; the plugin that passes it on is tested from 0.17 on",
        until="0.17",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer == "muon" and not p.method.adapter,
        "Muon skips RMSNorm weights; the plugin that adds them is tested from 0.17 on",
        until="0.17",
    ),
    UnsupportedSetting(
        "method.lora_plus",
        lambda p: p.method.lora_plus is not None and p.training.optimizer == "muon",
        "Muon uses one learning rate for all weights",
    ),
    UnsupportedSetting(
        "chat.encoding",
        lambda p: p.chat.exact and p.data.streaming,
        "streaming of tokenized data is not tested",
    ),
    UnsupportedSetting("objective.type", lambda p: p.objective.type == "ppo", "no PPO"),
    UnsupportedSetting(
        "training.gradient_checkpointing",
        lambda p: p.method.type == "freeze" and p.training.gradient_checkpointing and p.hardware.strategy == "zero3",
        "it refuses reentrant checkpointing of a partly frozen model, which ZeRO-3 needs: turn checkpointing off",
    ),
    UnsupportedSetting(
        "objective.loss",
        lambda p: p.objective.type == "dpo" and p.objective.loss not in ("sigmoid", "ipo"),
        "only the losses sigmoid and ipo before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "objective.sft_weight",
        lambda p: p.objective.type == "dpo" and p.objective.sft_weight > 0,
        "`rpo_alpha` is refused before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "kto",
        "the column of KTO labels cannot be named before 0.18",
        until="0.18",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention == "flash_attention_3",
        "no FlashAttention 3 before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention == "flash_attention_4",
        "FlashAttention 4 is not checked before 0.21",
        until="0.21",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "no next-token loss with a KL term; distillation needs precomputed teacher logits",
    ),
    UnsupportedSetting(
        "objective.label_smoothing",
        _ignores_label_smoothing,
        "TRL applies label smoothing to `robust`, `exo_pair` and `aot` only, and silently ignores it for other losses",
    ),
    UnsupportedSetting(
        "chat.thinking",
        lambda p: p.chat.thinking == "train-empty" and not p.chat.official and not p.chat.exact,
        "with a custom template, empty think blocks are never in the loss",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        lambda p: p.training.early_stopping is not None and p.training.evaluate_every == "epoch",
        "early stopping needs evaluations counted in steps: set `training.evaluate_every`",
    ),
    UnsupportedSetting(
        "training.warmup_steps", lambda p: p.training.warmup.steps == 1, "a warmup of 1 step becomes 2 steps"
    ),
    UnsupportedSetting(
        "training.warmup_ratio",
        lambda p: p.objective.type == "simpo" and p.training.warmup.ratio is not None and not p.counts_steps,
        "SimPO takes warmup in steps only: set `training.steps` or `training.warmup_steps`",
    ),
    UnsupportedSetting(
        "training.data_seed",
        lambda p: p.training.data_seed != p.training.seed,
        "one seed for data order and everything else",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.hardware.fsdp and p.training.optimizer in ("adamw_8bit", "paged_adamw_8bit", "lion_8bit"),
        "bitsandbytes' 8-bit optimizers are refused under FSDP2",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.hardware.deepspeed and p.training.optimizer == "muon",
        "Muon is refused under DeepSpeed",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.lora_kernels and (p.quantization.bits == 8 or not p.objective.next_token),
        "fused adapter kernels do not support 8-bit bases or preference objectives",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.liger and p.hardware.tensor_parallel > 1,
        "Liger does not support tensor parallelism",
    ),
    *LOW_RANK_SETTINGS,
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer in LOW_RANK_OPTIMIZERS and (p.hardware.deepspeed or p.hardware.fsdp),
        "gradient projection needs whole gradients, which this strategy shards",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "grpo" and p.hardware.tensor_parallel * p.hardware.context_parallel > 1,
        "GRPO with tensor or context parallelism is not tested",
    ),
    UnsupportedSetting(
        "hardware.strategy", lambda p: p.hardware.strategy == "fsdp1", "FSDP1 was removed in 0.20; use fsdp"
    ),
    UnsupportedSetting("hardware.strategy", lambda p: p.hardware.megatron, "no Megatron"),
    UnsupportedSetting(
        "hardware.tensor_parallel",
        lambda p: p.hardware.tensor_parallel > 1 and p.method.adapter,
        "tensor parallelism for full fine-tuning only",
    ),
    UnsupportedSetting(
        "hardware.tensor_parallel",
        lambda p: p.hardware.tensor_parallel > 1 and not p.hardware.fsdp,
        "tensor parallelism is tested with `strategy: fsdp` only",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.hardware.fsdp and p.quantization.bits == 8,
        "FSDP2 shards 4-bit bases, not 8-bit ones",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "pissa" and p.quantization.bits != 16,
        "PiSSA needs the principal components of unquantized weights",
    ),
    UnsupportedSetting(
        "tracking.to",
        lambda p: p.tracking.to == "swanlab",
        "SwanLab is configured by native keys: use `backends.axolotl.extra`",
    ),
    UnsupportedSetting("output.hub.private", lambda p: not p.output.hub_private, "repositories are always private"),
    UnsupportedSetting(
        "data.streaming",
        lambda p: p.data.streaming and (p.data.validates or not p.objective.next_token),
        "streams training data of SFT and pre-training only, without validation",
    ),
)
