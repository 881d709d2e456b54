"""Tokens a second: a roofline of matrix products and memory traffic, beside Python's own time for launching them.

Python queues work while the GPU computes: the slower of the two sets the pace, and where they are alike, each waits for
the other now and then (OVERLAP_EXPONENT). Constants are fitted on the cells that are marked `fitted`; this form and how
firmly they are held were chosen by cross-validation on those alone.
"""

from __future__ import annotations

from qwen_recipes.estimate.gpu_models import GpuModel
from qwen_recipes.estimate.memory import (
    Constants,
    count_quantizable_weights,
    layer_activation_bytes,
    load_constants,
    stored_weight_bytes,
)
from qwen_recipes.estimate.workload import Workload

TERA = 1e12
GIGA = 1e9
OVERLAP_EXPONENT = 4
HOST_LINK_BANDWIDTH = 12e9
"""Bytes a second to the host's memory and back: half of what PCIe 4 promises."""
DEQUANTIZE_BYTES = {4: 4.5, 8: 5.0}
"""Bytes moved to dequantize a weight of so many bits: read, written as bf16, read by the product."""


def estimate_micro_batch_seconds(workload: Workload, gpu: GpuModel, c: Constants | None = None) -> float:
    """Seconds of one micro-batch, forwards and backwards, and its share of the optimizer's step."""
    c = c or load_constants()
    arithmetic = count_operations(workload) / (
        gpu.bf16_tflops * TERA * get_matmul_efficiency(workload, c) / (4 if workload.precision == "fp32" else 1)
    )
    moving = count_memory_traffic(workload, c) / (gpu.bandwidth * GIGA * c["efficiency_memory"])
    pace: float = (
        estimate_launch_seconds(workload, c) ** OVERLAP_EXPONENT + (arithmetic + moving) ** OVERLAP_EXPONENT
    ) ** (1.0 / OVERLAP_EXPONENT)
    return pace + estimate_optimizer_seconds(workload, gpu, c) / workload.accumulation


def count_operations(workload: Workload) -> float:
    """Floating-point operations of a forward and a backward pass.

    2 for each weight and token forward; as many for the gradient of the input, and of a trained weight; the forward
    pass again under checkpointing. Attention: two products over half of the square of the length.
    """
    facts = workload.facts
    body = 2.0 * (facts.active_parameters - facts.embedding_parameters)
    head = 2.0 * facts.hidden_size * facts.vocab_size
    attention = 2.0 * facts.layers * facts.heads * facts.head_dim * workload.sequence
    again, back = (1 if workload.checkpointing else 0), (1 if workload.method == "lora" else 2)
    adapter = (4 + 2 * again) * workload.trainable if workload.method == "lora" else 0
    each = body * (1 + back + again) + attention * (3 + again) + head * (1 + back) + adapter
    return each * workload.tokens


def get_matmul_efficiency(workload: Workload, c: Constants) -> float:
    """Share of the GPU's peak rate that matrix products reach."""
    return c["efficiency_adapter"] if workload.method == "lora" else c["efficiency_full"]


def count_memory_traffic(workload: Workload, c: Constants) -> float:
    """Bytes read and written beside the products: what layers compute, logits, weights, and what is dequantized.

    DoRA takes the norm of every adapted weight: base, update and sum in float32.
    """
    facts, passes = workload.facts, 3 if workload.checkpointing else 2
    layers = c["moved_layer"] * passes * facts.layers * layer_activation_bytes(workload, c)
    loss = (c["moved_fused"] if workload.fused_loss else c["moved_logits"]) * workload.tokens * facts.vocab_size
    dequantized = count_quantizable_weights(workload) * DEQUANTIZE_BYTES.get(workload.bits, 0.0)
    norms = c["moved_dora"] * facts.linear_parameters if workload.dora else 0.0
    return layers + loss + passes * (stored_weight_bytes(workload) + dequantized + norms)


def estimate_launch_seconds(workload: Workload, c: Constants) -> float:
    """Seconds of Python and launches: of a layer, of its adapters (DoRA more), of its quantized modules, in a pass."""
    passes = 3.0 if workload.checkpointing else 2.0
    adapters = c["launch_adapter"] * (c["launch_dora"] if workload.dora else 1.0) if workload.method == "lora" else 0.0
    quantized = {4: c["launch_4bit"], 8: c["launch_8bit"]}.get(workload.bits, 0.0)
    fused = c["launch_liger"] if workload.liger else 1.0
    trainer = 1.0 if workload.trainer == "plain" else c["launch_trainer"]
    each = c["launch_layer"] * fused + adapters + quantized
    return trainer * (passes * workload.facts.layers * each + c["launch_step"])


def estimate_optimizer_seconds(workload: Workload, gpu: GpuModel, c: Constants) -> float:
    """Seconds to read and write weights, gradients and moments once, on the GPU or through the host's memory."""
    local = workload.trainable * 24.0 / (gpu.bandwidth * GIGA * c["efficiency_memory"])
    moved = workload.trainable * 8.0 / HOST_LINK_BANDWIDTH if workload.offload != "none" else 0.0
    paged = c["launch_paged"] if workload.paged else 1.0
    return local * paged + moved / workload.shards


def estimate_tokens_per_second(workload: Workload, gpu: GpuModel, c: Constants | None = None) -> float:
    """Tokens one GPU trains on in a second, padding counted."""
    return workload.tokens / estimate_micro_batch_seconds(workload, gpu, c)
