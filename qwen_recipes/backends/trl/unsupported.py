"""What TRL does not support on its command line, and what was not tried."""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import UNSUPPORTED_WEIGHTS_DTYPES
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS


def _ignores_label_smoothing(plan: Plan) -> bool:
    o = plan.objective
    return o.type == "dpo" and o.label_smoothing > 0 and o.loss not in ("robust", "exo_pair", "aot")


UNSUPPORTED_SETTINGS = (
    UnsupportedSetting(
        "model.source", lambda p: p.model.source is not None, "models are loaded from the Hugging Face hub only"
    ),
    *UNSUPPORTED_WEIGHTS_DTYPES,
    UnsupportedSetting(
        "objective.type",
        lambda p: p.objective.type in ("orpo", "simpo"),
        "the command `trl` has no ORPO and no SimPO: they are in `trl.experimental`, for Python programs",
    ),
    UnsupportedSetting("objective.type", lambda p: p.objective.type == "ppo", "the command `trl` has no PPO"),
    UnsupportedSetting(
        "objective.kl_weight",
        lambda p: p.objective.kl_weight is not None,
        "SFT has no KL term to a reference model",
    ),
    UnsupportedSetting(
        "objective.label_smoothing",
        _ignores_label_smoothing,
        "label smoothing applies to `robust`, `exo_pair` and `aot` only, and is silently ignored for other losses",
    ),
    UnsupportedSetting(
        "chat.encoding",
        lambda p: p.chat.exact and p.training.packing,
        "examples that are passed as token ids are not packed",
    ),
    UnsupportedSetting(
        "chat.template",
        lambda p: not p.chat.official and p.objective.type in ("dpo", "kto", "grpo"),
        "DPO, KTO and GRPO save the model's own template; only SFT and reward models take a Jinja file",
    ),
    UnsupportedSetting("data.streaming", lambda p: p.data.streaming, "streaming of tokenized data is not tested"),
    UnsupportedSetting(
        "training.packing",
        lambda p: p.training.packing and not p.objective.next_token,
        "packing is for SFT only",
    ),
    UnsupportedSetting("method.type", lambda p: p.method.type == "freeze", "the command `trl` cannot freeze layers"),
    UnsupportedSetting(
        "method.layers",
        lambda p: p.method.adapter and p.method.layers is not None,
        "adapters are put on every layer",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "pissa",
        "the command `trl` has no PiSSA",
    ),
    UnsupportedSetting(
        "method.variant",
        lambda p: p.method.variant == "dora" and p.quantization.bits != 16,
        "before 1.15 it held DoRA's magnitudes on a quantized base in bfloat16, which loses their updates (trl#7268)",
        until="1.15",
    ),
    UnsupportedSetting(
        "method.start_from",
        lambda p: p.method.start_from is not None,
        "the command `trl` always makes a new adapter: merge the saved one into its base model first",
    ),
    UnsupportedSetting(
        "method.lora_plus", lambda p: p.method.lora_plus is not None, "there is one learning rate for all weights"
    ),
    UnsupportedSetting(
        "quantization.experts",
        lambda p: p.quantization.experts,
        "the command `trl` has no option for it, and bitsandbytes quantizes linear layers only",
    ),
    UnsupportedSetting(
        "quantization.bits",
        lambda p: p.quantization.bits == 8 and (p.hardware.fsdp or p.hardware.strategy == "zero3"),
        "8-bit bases cannot be sharded: with ZeRO-3 the loss was wrong (bitsandbytes#1451)",
    ),
    UnsupportedSetting(
        "training.optimizer",
        lambda p: p.training.optimizer in (*LOW_RANK_OPTIMIZERS, "muon"),
        "GaLore, APOLLO and Muon are not tested with TRL",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention in ("flash_attention_3", "flex_attention"),
        "FlashAttention 3 and flex attention are not tested with TRL",
    ),
    UnsupportedSetting(
        "training.attention",
        lambda p: p.training.attention == "flash_attention_4",
        "FlashAttention 4 is not checked before 1.16",
        until="1.16",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.cut_cross_entropy or p.training.lora_kernels,
        "Liger is the only kernel supported",
    ),
    UnsupportedSetting(
        "training.kernels",
        lambda p: p.training.liger and p.objective.type in ("reward", "grpo"),
        "Liger in reward models and GRPO is not tested with TRL",
    ),
    UnsupportedSetting(
        "training.gradient_checkpointing",
        lambda p: p.training.offload_activations,
        "offloading of activations is not tested with TRL",
    ),
    UnsupportedSetting("training.fp8", lambda p: p.training.fp8, "no FP8"),
    UnsupportedSetting(
        "training.neftune",
        lambda p: p.training.neftune is not None and p.objective.type in ("reward", "grpo"),
        "NEFTune in reward models and GRPO is not tested with TRL",
    ),
    UnsupportedSetting(
        "hardware.strategy", lambda p: p.hardware.strategy == "fsdp1", "FSDP1 is not tested with TRL; use `fsdp`"
    ),
    UnsupportedSetting("hardware.strategy", lambda p: p.hardware.megatron, "no Megatron"),
    UnsupportedSetting("hardware.tensor_parallel", lambda p: p.hardware.tensor_parallel > 1, "no tensor parallelism"),
    UnsupportedSetting(
        "hardware.context_parallel",
        lambda p: p.hardware.context_parallel > 1,
        "context parallelism is not tested with TRL",
    ),
    UnsupportedSetting("tracking.to", lambda p: p.tracking.to == "swanlab", "no key for a SwanLab project"),
)

RESUME_UNSUPPORTED: tuple[UnsupportedSetting, ...] = ()
