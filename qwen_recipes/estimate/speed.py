"""Tokens a second: a roofline of matrix products and memory traffic, beside Python's own time for launching them.

Python queues work while the GPU computes: the slower of the two sets the pace, and where they are alike, each waits for
the other now and then (OVERLAP_EXPONENT). Constants are fitted on the cells that are marked `fitted`; this form and how
firmly they are held were chosen by cross-validation on those alone.
"""

from __future__ import annotations

from qwen_recipes.estimate.memory import (
    Constants,
    count_keeping_layers,
    count_quantizable_weights,
    layer_activation_bytes,
    load_constants,
    saved_weight_bytes,
    stored_weight_bytes,
)
from qwen_recipes.estimate.workload import Workload
from qwen_recipes.gpus.gpu_model import GpuModel

TERA = 1e12
GIGA = 1e9
OVERLAP_EXPONENT = 4
HOST_LINK_BANDWIDTH = 12e9
"""Bytes a second to the host's memory and back: half of what PCIe 4 promises."""
DEQUANTIZE_BYTES = {4: 4.5, 8: 5.0}
"""Bytes moved to dequantize a weight of so many bits: read, written as bf16, read by the product."""


START_CONSTANTS = {"axolotl": "start_axolotl", "llamafactory": "start_llamafactory", "ms-swift": "start_ms_swift"}
"""Names of the seconds until a trainer begins; any other's is TRL's."""
FORWARD_PASSES = {"dpo": 1, "kto": 3, "grpo": 1}
"""Passes without gradients in a step: a reference's, and KTO's over mismatched pairs by both."""
DENSE_MASK_COST = 4.7
"""Times as long as causal attention takes under a mask of every token of a pack against every other: the whole square
instead of half of it, at 304 of an H200's 989 TFLOP/s (26 examples of 325 tokens: 12.6 ms a layer under sdpa)."""
PADDED_TO_FEW_LENGTHS = ("llamafactory",)
"""Trainers that pad to a multiple of 8, so that kernels are compiled for few lengths."""


def estimate_micro_batch_seconds(
    workload: Workload, gpu: GpuModel, c: Constants | None = None, tokens: float | None = None
) -> float:
    """Seconds of one micro-batch, forwards and backwards, and its share of the optimizer's step.

    `tokens`: of the micro-batch with its padding, where it is not as long as it may be.
    """
    c = c or load_constants()
    share = 1.0 if tokens is None else tokens / workload.tokens
    arithmetic = count_operations(workload) / (
        gpu.bf16_tflops * TERA * get_matmul_efficiency(workload, c) / (4 if workload.precision == "fp32" else 1)
    )
    moving = count_memory_traffic(workload, c) / (gpu.bandwidth * GIGA * c["efficiency_memory"])
    computing = (arithmetic + moving) * share
    launching = c["start_host"] * estimate_launch_seconds(workload, c)
    pace: float = (launching**OVERLAP_EXPONENT + computing**OVERLAP_EXPONENT) ** (1.0 / OVERLAP_EXPONENT)
    return pace + estimate_optimizer_seconds(workload, gpu, c) / workload.accumulation


def estimate_start_seconds(workload: Workload, c: Constants | None = None) -> float:
    """Seconds from the command to the first step: imports, rows, the model from the disk."""
    c = c or load_constants()
    models = 2 if workload.reference else 1
    return (
        c[START_CONSTANTS.get(workload.trainer, "start_trl")]
        + c["start_weights"] * models * workload.facts.parameters * 2.0
    )


def estimate_compile_seconds(workload: Workload, c: Constants | None = None) -> float:
    """Seconds that a run spends once on kernels: in its first step, and at lengths that it has not seen."""
    c = c or load_constants()
    few = workload.trainer in PADDED_TO_FEW_LENGTHS or not workload.varies
    return c["start_kernels"] + (0.0 if few else c["start_lengths"])


def estimate_saving_seconds(workload: Workload, c: Constants | None = None) -> float:
    """Seconds to write the trained weights once."""
    c = c or load_constants()
    return c["start_save"] + saved_weight_bytes(workload) * c["start_write"]


def count_operations(workload: Workload) -> float:
    """Floating-point operations of a forward and a backward pass.

    2 for each weight and token forward; as many for the gradient of the input, and of a trained weight; the forward
    pass again under checkpointing. Attention: two products over half of the square of the length.
    """
    facts = workload.facts
    body = 2.0 * (facts.active_parameters - facts.embedding_parameters)
    head = 2.0 * facts.hidden_size * facts.vocab_size
    attention = 2.0 * facts.layers * facts.heads * facts.head_dim * workload.sequence
    if workload.packed and workload.attention in ("sdpa", "eager"):
        attention *= DENSE_MASK_COST
    again, back = (1 if workload.checkpointing else 0), (1 if workload.method == "lora" else 2)
    adapter = (4 + 2 * again) * workload.trainable if workload.method == "lora" else 0
    more = FORWARD_PASSES.get(workload.objective, 0)
    each = body * (1 + back + again + more) + attention * (3 + again + more) + head * (1 + back + more) + adapter
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
    again = c["launch_again"] if workload.checkpointing else 0.0
    passes = 2.0 + again + FORWARD_PASSES.get(workload.objective, 0)
    adapters = c["launch_adapter"] * (c["launch_dora"] if workload.dora else 1.0) if workload.method == "lora" else 0.0
    quantized = {4: c["launch_4bit"], 8: c["launch_8bit"]}.get(workload.bits, 0.0)
    fused = c["launch_liger"] if workload.liger else 1.0
    trainer = 1.0 if workload.trainer == "plain" else c["launch_trainer"]
    each = c["launch_layer"] * fused + adapters + quantized
    each *= (c["launch_varied"] if workload.varies else 1.0) * (c["launch_kernels"] if workload.lora_kernels else 1.0)
    generating = c["launch_token"] * workload.completion * workload.facts.layers
    if workload.method == "freeze" and workload.trained_layers:
        passes = 1.0 + (passes - 1.0) * count_keeping_layers(workload) / workload.facts.layers
    return trainer * (passes * workload.facts.layers * each + c["launch_step"]) + generating


def estimate_optimizer_seconds(workload: Workload, gpu: GpuModel, c: Constants) -> float:
    """Seconds to read and write weights, gradients and moments once, on the GPU or through the host's memory."""
    local = workload.trainable * 24.0 / (gpu.bandwidth * GIGA * c["efficiency_memory"])
    moved = workload.trainable * 8.0 / HOST_LINK_BANDWIDTH if workload.offload != "none" else 0.0
    paged = c["launch_paged"] if workload.paged else 1.0
    return local * paged + moved / workload.shards


def estimate_tokens_per_second(workload: Workload, gpu: GpuModel, c: Constants | None = None) -> float:
    """Tokens one GPU trains on in a second, padding counted."""
    return workload.tokens / estimate_micro_batch_seconds(workload, gpu, c)
