"""What each framework's trainer holds beside the others': seen in their sources and in the measured moments of a step.

`plain` is the loop over transformers and peft that older cells were measured with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LogitBytes = tuple[float, float]
"""Bytes a logit that the loss has at its peak, and that its backward pass has."""
CAUSAL: LogitBytes = (10.0, 12.0)
"""transformers' loss: bf16 logits, their float32 copy and its log-softmax; then gradients of both."""
NONE: LogitBytes = (0.0, 0.0)


@dataclass(frozen=True)
class TrainerTraits:
    """Of one framework's trainers. `logits` and `logit_blocks` are by objective; `sft` stands for those not named."""

    logits: Mapping[str, LogitBytes]
    logit_blocks: Mapping[str, float]
    """Bytes a logit that the allocator keeps unused, with segments that grow: one to three blocks of bf16 logits."""
    fuses_losses: tuple[str, ...] = ()
    """Objectives whose loss takes the head in slices, also without Liger's kernels."""
    makes_experts_float32: bool = False
    """A 4-bit load makes float32 of all that it does not quantize, but embeddings: the experts (PEFT's preparation)."""
    float32_embeddings: tuple[str, ...] = ()
    """Methods under which embeddings are float32 though frozen, a reference model's too."""
    upcasts_embeddings: bool = False
    """k-bit preparation leaves embeddings and head in float32."""
    drops_int8_inputs: bool = False
    """Checkpointing also drops what an 8-bit layer keeps."""
    bfloat16_quantized_adapters: bool = False
    """An adapter on a quantized base is cast to bf16."""
    freezes_early_layers: bool = False
    """Layers before the first trained one keep nothing: no gradient is asked of the embeddings."""
    float32_reference: bool = False
    """A reference model is held as the trained one is, instead of in bf16."""
    dense_mask: bool = False
    """Packs under sdpa have a mask of every token against every other."""
    float32_shards: bool = False
    """Under FSDP all weights are held in float32, frozen ones too: accelerate 1.11's `fsdp2_prepare_model`."""
    bare_adapters: bool = False
    """An adapter is saved without a tokenizer."""
    float32_full: bool = field(default=True, kw_only=True)
    """Measured full fine-tuning without a recipe held weights in float32."""


TRAITS: dict[str, TrainerTraits] = {
    "plain": TrainerTraits({"sft": CAUSAL}, {"sft": 3.6}, upcasts_embeddings=True, float32_full=False),
    "axolotl": TrainerTraits(
        {"sft": CAUSAL, "dpo": (10.0, 8.0), "kto": (16.0, 8.0), "orpo": (8.0, 10.0), "reward": NONE},
        {"sft": 3.6, "dpo": 0.2, "kto": 2.1, "orpo": 6.4, "reward": 0.0},
        makes_experts_float32=True,
        float32_embeddings=("full", "freeze"),
    ),
    "llamafactory": TrainerTraits(
        {"sft": CAUSAL, "dpo": (20.0, 12.0), "kto": (24.0, 12.0), "orpo": (12.0, 12.0), "reward": (10.0, 0.0)},
        {"sft": 3.6, "dpo": 2.2, "kto": 2.1, "orpo": 2.1, "reward": 0.0},
        drops_int8_inputs=True,
        freezes_early_layers=True,
        dense_mask=True,
        float32_shards=True,
    ),
    "ms-swift": TrainerTraits(
        {"sft": (9.9, 11.9), "dpo": (9.9, 11.9), "kto": (9.9, 11.9), "orpo": (8.0, 14.0), "reward": NONE},
        {"sft": 3.6, "dpo": 4.6, "kto": 5.0, "orpo": 2.2, "reward": 0.0},
        bare_adapters=True,
    ),
    "trl": TrainerTraits(
        {"sft": CAUSAL, "reward": NONE},
        {"sft": 0.2, "reward": 0.0},
        fuses_losses=("sft", "dpo", "kto", "grpo"),
        bfloat16_quantized_adapters=True,
        float32_reference=True,
    ),
}
"""By backend. From the peaks of forward and backward passes on an H200 (docs/research/memory-estimates.md)."""
_SAME_LOSS = {"simpo": "orpo", "pretrain": "sft", "grpo": "sft", "ppo": "sft"}


def get_traits(trainer: str) -> TrainerTraits:
    """Of a backend; an unknown one's are transformers' own."""
    return TRAITS.get(trainer, TRAITS["ms-swift"])


def get_logit_bytes(trainer: str, objective: str) -> LogitBytes:
    """Bytes a logit, forward and backward."""
    known = get_traits(trainer).logits
    return known.get(objective) or known.get(_SAME_LOSS.get(objective, ""), known["sft"])


def get_logit_blocks(trainer: str, objective: str) -> float:
    """Bytes a logit of unused blocks."""
    known = get_traits(trainer).logit_blocks
    return known.get(objective, known.get(_SAME_LOSS.get(objective, ""), known["sft"]))
