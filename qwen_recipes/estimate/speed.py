"""Tokens a second and the length of a run: what has to be computed over what the GPU can do.

A step takes the larger of arithmetic and nothing else, plus what no arithmetic explains: Python and kernel launches, a
time for each layer and each adapted module. Efficiencies are fitted on the cells marked `fitted`.
"""

from __future__ import annotations

from qwen_recipes.estimate.gpus import Gpu
from qwen_recipes.estimate.load import Load
from qwen_recipes.estimate.memory import Constants, constants

TERA = 1e12
GIGA = 1e9


def flops_per_token(load: Load) -> float:
    """Operations a trained token costs: two a weight forwards, two for the gradient of what enters, two for that of
    the weights that are trained, and the forward pass again under checkpointing. Attention grows with the sequence."""
    facts = load.facts
    weights = facts.active_parameters - (0 if facts.tied_embeddings else facts.hidden_size * facts.vocab_size)
    attention = 2.0 * facts.layers * facts.heads * facts.head_dim * load.sequence
    forward = 2.0 * (weights + load.adapter) + attention
    head = 2.0 * facts.hidden_size * facts.vocab_size
    again = forward - head if load.checkpointing else 0.0
    own = 2.0 * (load.trainable if load.method == "lora" else min(load.trainable, weights))
    return forward + again + forward + attention / 2 + own


def step_seconds(load: Load, gpu: Gpu, c: Constants | None = None) -> float:
    """Seconds of one micro-batch, forwards and backwards, its share of the optimizer's step included."""
    c = c or constants()
    facts = load.facts
    arithmetic = load.tokens * flops_per_token(load) / (gpu.bf16_tflops * TERA * efficiency(load, c))
    passes = 4.0 if load.checkpointing else 3.0
    moved = passes * load.tokens * facts.layers * c["moved_bytes"] * (facts.hidden_size + facts.intermediate_size / 2)
    logits = 0.0 if load.fused_loss else c["moved_logits"] * load.tokens * facts.vocab_size
    traffic = (moved * (c["liger_moved"] if load.liger else 1.0) + logits) / (gpu.bandwidth * GIGA)
    return arithmetic + traffic + overhead(load, c) + dequantizing(load, gpu, c) + optimizing(load, gpu)


def efficiency(load: Load, c: Constants) -> float:
    """Share of the GPU's peak rate that matrix products reach."""
    return c["efficiency_adapter"] if load.method == "lora" else c["efficiency_full"]


def overhead(load: Load, c: Constants) -> float:
    """Seconds of Python and launches: a layer's, and an adapter's on each of its modules. DoRA and 8 bits cost more."""
    passes = 4.0 if load.checkpointing else 3.0
    adapters = 0.0
    if load.method == "lora":
        adapters = c["launch_adapter"] * (c["launch_dora"] if load.dora else 1.0)
    own = c["launch_layer"] + adapters + (c["launch_int8"] if load.bits == 8 else 0.0)
    return passes * load.facts.layers * own + (c["launch_step"])


def dequantizing(load: Load, gpu: Gpu, c: Constants) -> float:
    """Seconds to write the base as bf16, each time that a pass goes through it."""
    if load.bits == 16:
        return 0.0
    passes = 3.0 if load.checkpointing else 2.0
    return passes * load.facts.linear_parameters * c["dequantized_bytes"] / (gpu.bandwidth * GIGA)


def optimizing(load: Load, gpu: Gpu) -> float:
    """Seconds to read and write weights, gradients and moments once."""
    return load.trainable * 24.0 / (gpu.bandwidth * GIGA)


def tokens_per_second(load: Load, gpu: Gpu, c: Constants | None = None) -> float:
    """Tokens one GPU trains on in a second, padding counted."""
    return load.tokens / step_seconds(load, gpu, c)
