"""What Axolotl can't be told."""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import UNSUPPORTED_WEIGHTS_DTYPES
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS


def _ignores_label_smoothing(plan: Plan) -> bool:
    o = plan.objective
    return o.type == "dpo" and o.label_smoothing > 0 and o.loss not in ("robust", "exo_pair", "aot")


def _is_preference(plan: Plan) -> bool:
    return plan.objective.type not in ("sft", "pretrain")


UNSUPPORTED_SETTINGS = (
    *UNSUPPORTED_WEIGHTS_DTYPES,
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.method.start_from is not None and p.objective.type in ("dpo", "kto"),
        "its DPO and KTO train a new adapter instead; the plugin that loads this one was not tried before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.objective.type == "reward" and p.method.start_from is not None,
        "it stops with an error: PEFT puts no adapter of a language model on its reward models",
    ),
    UnsupportedSetting(
        "method.dropout",
        lambda p: _is_preference(p) and p.method.adapter and p.method.dropout > 0,
        "TRL turns dropout off in preference training; the plugin that keeps it was not tried before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "training.neftune",
        lambda p: _is_preference(p) and p.objective.type != "reward" and p.training.neftune is not None,
        "its preference trainers drop it; the plugin that hands it over was not tried before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        lambda p: _is_preference(p) and p.objective.type != "reward" and p.training.early_stopping is not None,
        "its preference trainers drop it; the plugin that hands it over was not tried before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer == "muon" and not p.method.adapter,
        "its Muon leaves out RMSNorm weights; the plugin that adds them was not tried before 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "method.lora_plus",
        lambda p: p.method.lora_plus is not None and p.training.optimizer == "muon",
        "its Muon has one learning rate for all weights",
    ),
    UnsupportedSetting(
        "chat.encoding",
        lambda p: p.chat.exact and p.data.streaming,
        "streaming of rows that are tokenized already is not tried here",
    ),
    UnsupportedSetting("objective.type", lambda p: p.objective.type == "ppo", "it has no PPO"),
    UnsupportedSetting(
        "training.gradient_checkpointing",
        lambda p: p.method.type == "freeze" and p.training.gradient_checkpointing and p.hardware.strategy == "zero3",
        "it refuses reentrant checkpointing of a partly frozen model, which ZeRO-3 needs: turn checkpointing off",
    ),
    UnsupportedSetting(
        "objective.loss",
        lambda p: p.objective.type == "dpo" and p.objective.loss not in ("sigmoid", "ipo"),
        "before 0.17 it trains DPO with the sigmoid loss or IPO's only",
        until="0.17",
    ),
    UnsupportedSetting(
        "objective.sft_weight",
        lambda p: p.objective.type == "dpo" and p.objective.sft_weight > 0,
        "0.16 refuses `rpo_alpha`, and the list of losses came with 0.17",
        until="0.17",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "kto",
        "before 0.18 it takes no name of a column that holds KTO's label: its class wants true or false there",
        until="0.18",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention == "flash_attention_3",
        "before 0.17 a switch turns on attention, and there is none for FlashAttention 3",
        until="0.17",
    ),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "it has no next-token loss with a divergence: its distillation wants a teacher's logits beforehand",
    ),
    UnsupportedSetting(
        "objective.label_smoothing",
        _ignores_label_smoothing,
        "its TRL smooths the labels of `robust`, `exo_pair` and `aot` only, and ignores it elsewhere without a word",
    ),
    UnsupportedSetting(
        "chat.thinking",
        lambda p: p.chat.thinking == "train-empty" and not p.chat.official and not p.chat.exact,
        "with a template of your own, its chat strategy always leaves an empty think block out of the loss",
    ),
    UnsupportedSetting(
        "training.early_stopping",
        lambda p: p.training.early_stopping is not None and p.training.evaluate_every == "epoch",
        "it stops early only where evaluations are counted in steps",
    ),
    UnsupportedSetting(
        "training.warmup_steps", lambda p: p.training.warmup.steps == 1, "it turns a warmup of 1 step into 2"
    ),
    UnsupportedSetting(
        "training.warmup_ratio",
        lambda p: p.objective.type == "simpo" and p.training.warmup.ratio is not None and not p.counts_steps,
        "its SimPO takes warmup in steps only; where `training.steps` is set, a share is compiled to steps",
    ),
    UnsupportedSetting(
        "training.data_seed",
        lambda p: p.training.data_seed != p.training.seed,
        "it orders rows by the same seed as everything else",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.hardware.fsdp and p.training.optimizer in ("adamw_8bit", "paged_adamw_8bit", "lion_8bit"),
        "it refuses bitsandbytes' 8-bit optimizers under FSDP2",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.hardware.deepspeed and p.training.optimizer == "muon",
        "it refuses Muon under DeepSpeed",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.lora_kernels and (p.quantization.bits == 8 or p.objective.type not in ("sft", "pretrain")),
        "its fused adapter kernels take neither an 8-bit base nor preferences",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.liger and p.hardware.tensor_parallel > 1,
        "neither Liger's RMSNorm nor its loss splits over tensor-parallel GPUs",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer in LOW_RANK_OPTIMIZERS and (p.hardware.deepspeed or p.hardware.fsdp),
        "gradients are projected whole, and this strategy shards them",
    ),
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type == "grpo" and p.hardware.tensor_parallel * p.hardware.context_parallel > 1,
        "sampling on GPUs that share a layer or a sequence was not tried here",
    ),
    UnsupportedSetting("hardware.strategy", lambda p: p.hardware.strategy == "fsdp1", "it removed FSDP1 in 0.20"),
    UnsupportedSetting("hardware.strategy", lambda p: p.hardware.megatron, "it has no Megatron"),
    UnsupportedSetting(
        "hardware.tensor_parallel",
        lambda p: p.hardware.tensor_parallel > 1 and p.method.adapter,
        "it splits layers in full fine-tuning only",
    ),
    UnsupportedSetting(
        "hardware.tensor_parallel",
        lambda p: p.hardware.tensor_parallel > 1 and not p.hardware.fsdp,
        "beside FSDP2 is the only way in which it is known to split layers",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.hardware.fsdp and p.quantization.bits == 8,
        "it shards a 4-bit base under FSDP2, not an 8-bit one",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "pissa" and p.quantization.bits != 16,
        "PiSSA starts from the weights' principal components, which a quantized base does not have",
    ),
    UnsupportedSetting(
        "tracking.to", lambda p: p.tracking.to == "swanlab", "its SwanLab plugin has keys of its own; use `extra`"
    ),
    UnsupportedSetting(
        "output.hub.private", lambda p: not p.output.hub_private, "it always makes a private repository"
    ),
    UnsupportedSetting(
        "data.streaming",
        lambda p: p.data.streaming and (p.data.validates or p.objective.type not in ("sft", "pretrain")),
        "it streams training rows only, and no preferences",
    ),
)
