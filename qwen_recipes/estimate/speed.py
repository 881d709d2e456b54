"""Tokens a second: a roofline of matrix products and memory traffic, beside Python's own time for launching them.

Python queues work while the GPU computes: the slower of the two sets the pace, and where they are alike, each waits for
the other now and then (OVERLAP). Constants are fitted on the cells that are marked `fitted`; this form and how firmly
they are held were chosen by cross-validation on those alone.
"""

from __future__ import annotations

from qwen_recipes.estimate.gpus import Gpu
from qwen_recipes.estimate.load import Load
from qwen_recipes.estimate.memory import Constants, constants, layer_activations, quantizable, stored_weights

TERA = 1e12
GIGA = 1e9
OVERLAP = 4
HOST_LINK = 12e9
"""Bytes a second to the host's memory and back: half of what PCIe 4 promises."""
READ_AND_WRITTEN = {4: 4.5, 8: 5.0}
"""Bytes moved to dequantize a weight of so many bits: read, written as bf16, read by the product."""


def step_seconds(load: Load, gpu: Gpu, c: Constants | None = None) -> float:
    """Seconds of one micro-batch, forwards and backwards, and its share of the optimizer's step."""
    c = c or constants()
    arithmetic = operations(load) / (
        gpu.bf16_tflops * TERA * efficiency(load, c) / (4 if load.precision == "fp32" else 1)
    )
    moving = traffic(load, c) / (gpu.bandwidth * GIGA * c["efficiency_memory"])
    pace: float = (launching(load, c) ** OVERLAP + (arithmetic + moving) ** OVERLAP) ** (1.0 / OVERLAP)
    return pace + updating(load, gpu, c) / load.accumulation


def operations(load: Load) -> float:
    """Floating-point operations of a forward and a backward pass.

    2 for each weight and token forward; as many for the gradient of the input, and of a trained weight; the forward
    pass again under checkpointing. Attention: two products over half of the square of the length.
    """
    facts = load.facts
    body = 2.0 * (facts.active_parameters - facts.embedding_parameters)
    head = 2.0 * facts.hidden_size * facts.vocab_size
    attention = 2.0 * facts.layers * facts.heads * facts.head_dim * load.sequence
    again, back = (1 if load.checkpointing else 0), (1 if load.method == "lora" else 2)
    adapter = (4 + 2 * again) * load.trainable if load.method == "lora" else 0
    each = body * (1 + back + again) + attention * (3 + again) + head * (1 + back) + adapter
    return each * load.tokens


def efficiency(load: Load, c: Constants) -> float:
    """Share of the GPU's peak rate that matrix products reach."""
    return c["efficiency_adapter"] if load.method == "lora" else c["efficiency_full"]


def traffic(load: Load, c: Constants) -> float:
    """Bytes read and written beside the products: what layers compute, logits, weights, and what is dequantized.

    DoRA takes the norm of every adapted weight: base, update and sum in float32.
    """
    facts, passes = load.facts, 3 if load.checkpointing else 2
    layers = c["moved_layer"] * passes * facts.layers * layer_activations(load, c)
    loss = (c["moved_fused"] if load.fused_loss else c["moved_logits"]) * load.tokens * facts.vocab_size
    dequantized = quantizable(facts) * READ_AND_WRITTEN.get(load.bits, 0.0)
    norms = c["moved_dora"] * facts.linear_parameters if load.dora else 0.0
    return layers + loss + passes * (stored_weights(load) + dequantized + norms)


def launching(load: Load, c: Constants) -> float:
    """Seconds of Python and launches: of a layer, of its adapters (DoRA more), of its quantized modules, in a pass."""
    passes = 3.0 if load.checkpointing else 2.0
    adapters = c["launch_adapter"] * (c["launch_dora"] if load.dora else 1.0) if load.method == "lora" else 0.0
    quantized = {4: c["launch_4bit"], 8: c["launch_8bit"]}.get(load.bits, 0.0)
    fused = c["launch_liger"] if load.liger else 1.0
    trainer = 1.0 if load.trainer == "plain" else c["launch_trainer"]
    each = c["launch_layer"] * fused + adapters + quantized
    return trainer * (passes * load.facts.layers * each + c["launch_step"])


def updating(load: Load, gpu: Gpu, c: Constants) -> float:
    """Seconds to read and write weights, gradients and moments once, on the GPU or through the host's memory."""
    local = load.trainable * 24.0 / (gpu.bandwidth * GIGA * c["efficiency_memory"])
    moved = load.trainable * 8.0 / HOST_LINK if load.offload != "none" else 0.0
    paged = c["launch_paged"] if load.paged else 1.0
    return local * paged + moved / load.shards


def tokens_per_second(load: Load, gpu: Gpu, c: Constants | None = None) -> float:
    """Tokens one GPU trains on in a second, padding counted."""
    return load.tokens / step_seconds(load, gpu, c)
