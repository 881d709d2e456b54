"""Tokens a second and the length of a run: what has to be computed over what the GPU can do.

The GPU computes and moves what a roofline says; the host queues it, a time for each layer and adapted module, which is
what short steps of small models take. The constants are fitted on the cells marked `fitted`.
"""

from __future__ import annotations

from qwen_recipes.estimate.gpus import Gpu
from qwen_recipes.estimate.load import Load
from qwen_recipes.estimate.memory import Constants, constants

TERA = 1e12
GIGA = 1e9
OVERLAP = 4


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
    """Seconds of one micro-batch, forwards and backwards, and its share of the optimizer's step.

    Python queues work while the GPU computes: the slower of the two sets the pace, and where they are alike, each waits
    for the other now and then.
    """
    c = c or constants()
    on_gpu, on_host = gpu_seconds(load, gpu, c), host_seconds(load, c)
    pace = (on_gpu**OVERLAP + on_host**OVERLAP) ** (1 / OVERLAP)
    return pace + optimizer_seconds(load, gpu, c) / load.accumulation


def gpu_seconds(load: Load, gpu: Gpu, c: Constants) -> float:
    """Matrix products, what is read and written between them, and the base written out as bf16."""
    facts = load.facts
    arithmetic = load.tokens * flops_per_token(load) / (gpu.bf16_tflops * TERA * efficiency(load, c))
    numbers = load.tokens * facts.layers * (facts.hidden_size + facts.intermediate_size / 2)
    moved = passes(load) * c["moved_bytes"] * numbers * (c["liger_moved"] if load.liger else 1.0)
    if load.method == "lora":
        moved += passes(load) * numbers * (c["moved_adapter"] + (c["moved_dora"] if load.dora else 0.0))
    logits = 0.0 if load.fused_loss else c["moved_logits"] * load.tokens * facts.vocab_size
    written = 0.0 if load.bits == 16 else passes(load) * facts.linear_parameters * c["dequantized_bytes"]
    weights = passes(load) * c["moved_dora_weights"] * facts.linear_parameters if load.dora else 0.0
    return arithmetic + (moved + logits + written + weights) / (gpu.bandwidth * GIGA)


def passes(load: Load) -> float:
    """How often a step goes through the layers, a backward pass counted as two."""
    return 4.0 if load.checkpointing else 3.0


def efficiency(load: Load, c: Constants) -> float:
    """Share of the GPU's peak rate that matrix products reach."""
    return c["efficiency_adapter"] if load.method == "lora" else c["efficiency_full"]


def host_seconds(load: Load, c: Constants) -> float:
    """Seconds of Python and launches: a layer's, and an adapter's on its modules; more for DoRA and few bits."""
    adapters = c["launch_adapter"] * (c["launch_dora"] if load.dora else 1.0) if load.method == "lora" else 0.0
    quantized = {4: c["launch_int4"], 8: c["launch_int8"]}.get(load.bits, 0.0)
    return passes(load) * load.facts.layers * (c["launch_layer"] + adapters + quantized) + c["launch_step"]


def optimizer_seconds(load: Load, gpu: Gpu, c: Constants) -> float:
    """Weights, gradients and moments read and written once; in 8 bits tensor after tensor."""
    one_by_one = load.tensors * c["launch_8bit_tensor"] if load.states == "8bit" else 0.0
    return load.trainable * 24.0 / (gpu.bandwidth * GIGA) + one_by_one


def tokens_per_second(load: Load, gpu: Gpu, c: Constants | None = None) -> float:
    """Tokens one GPU trains on in a second, padding counted."""
    return load.tokens / step_seconds(load, gpu, c)
