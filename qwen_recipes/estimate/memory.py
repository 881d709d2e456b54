"""Peak GPU memory of a run, in parts that a person can check. All in bytes, for one process.

Each part is a function of its own; the constants are in constants.json, fitted by
research/estimates/fit_estimator.py on the cells of measured/cells.json that are marked `fitted`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qwen_recipes.estimate.checkpoint_bytes import stored_checkpoint_bytes
from qwen_recipes.estimate.workload import (
    DROPS_INT8_INPUTS,
    STATE_BYTES,
    UPCASTS_EMBEDDINGS,
    Workload,
)
from qwen_recipes.qwen.facts import ModelFacts

GIB = 2**30
Constants = Mapping[str, float]
SHARDS_WEIGHTS = ("zero3", "fsdp", "fsdp1")
SHARDS_GRADIENTS = ("zero2", *SHARDS_WEIGHTS)
SHARDS_STATES = ("zero1", "megatron", *SHARDS_GRADIENTS)
TRANSIENT_PARTS = ("gradients", "activations", "logits", "layer", "workspace")
DEEPSPEED_STRATEGIES = ("zero1", "zero2", "zero3")


@dataclass(frozen=True)
class MemoryBreakdown:
    """Bytes at the peak, by what holds them. `activations` to `workspace` come and go within a step."""

    weights: float
    adapter: float
    gradients: float
    optimizer: float
    activations: float
    logits: float
    layer: float
    workspace: float
    reserve: float

    @property
    def peak(self) -> float:
        """What the allocator reserves at the peak."""
        return sum(self.as_dict().values())

    def as_dict(self) -> dict[str, float]:
        """Names and bytes, in the order of a step."""
        return dict(vars(self))


@cache
def load_constants() -> dict[str, float]:
    """The fitted numbers, by name; constants.json says what each is."""
    text = (Path(__file__).parent / "constants.json").read_text("utf-8")
    return {name: float(entry["value"]) for name, entry in json.loads(text)["constants"].items()}


def estimate_memory(workload: Workload, c: Constants | None = None) -> MemoryBreakdown:
    """The parts of the peak: of the moments of a step, the one that holds most.

    At the loss all activations and the logits are there, and gradients only of an earlier micro-batch; then layer after
    layer gives up what it kept and gets its gradients; at the optimizer's step gradients and moments are all there.
    """
    c = c or load_constants()
    fixed = {
        "weights": stored_weight_bytes(workload),
        "adapter": adapter_bytes(workload),
        "optimizer": optimizer_state_bytes(workload),
    }
    made, kept, earlier = (
        gradient_bytes(workload),
        kept_activation_bytes(workload, c),
        gradient_bytes(workload) if workload.accumulates_gradients else 0.0,
    )
    inside = {"layer": layer_backward_bytes(workload, c), "workspace": workspace_bytes(workload, c)}
    moments = (
        {
            "gradients": earlier,
            "activations": kept,
            "logits": logit_bytes(workload, c),
            "workspace": autocast_copy_bytes(workload),
        },
        {"gradients": earlier, "activations": kept, **inside},
        {"gradients": made, "activations": kept / workload.facts.layers, **inside},
        {"gradients": made},
    )
    most = max(moments, key=lambda moment: sum(moment.values()))
    known = dict.fromkeys(TRANSIENT_PARTS, 0.0) | most
    return MemoryBreakdown(**fixed, **known, reserve=allocator_reserve_bytes(workload, sum(fixed.values()), known, c))


def allocator_reserve_bytes(workload: Workload, fixed: float, transient: Mapping[str, float], c: Constants) -> float:
    """What the allocator holds and does not use: blocks that logits left, and a share of the rest."""
    blocks = 0.0 if workload.fused_loss else c["reserve_logits"] * workload.tokens * workload.facts.vocab_size
    within = sum(transient.values()) - transient["logits"]
    return blocks + c["reserve_fixed"] * fixed + c["reserve_share"] * within + c["reserve_bytes"]


def weight_bytes(workload: Workload) -> float:
    """Bytes of one weight of the model that is trained; DeepSpeed's float32 master weights are counted apart."""
    wide = workload.weights_dtype == "float32" and not _has_master_weights(workload)
    return 4.0 if workload.precision == "fp32" or wide else 2.0


def frozen_weight_bytes(workload: Workload) -> float:
    """Bytes of one weight that is neither quantized nor trained."""
    return 4.0 if workload.precision == "fp32" else 2.0


def adapter_weight_bytes(workload: Workload) -> float:
    """Bytes of one weight of an adapter."""
    return 4.0 if workload.weights_dtype == "float32" else 2.0


def quantized_weight_bytes(workload: Workload) -> float:
    """Bytes of one quantized weight: 4 bits, a scale for each 64 of them, and those scales in 8 bits where double
    (bitsandbytes: 0.127 bits a weight instead of 0.5)."""
    if workload.bits == 8:
        return 1.0
    return (4.0 + (0.127 if workload.double else 0.5)) / 8


def stored_weight_bytes(workload: Workload) -> float:
    """The model as it is stored: what shards leave here, and a frozen one where a reference is kept."""
    facts, models = workload.facts, 2 if workload.reference else 1
    if workload.bits == 16:
        trained = 0 if workload.method == "lora" else workload.trainable
        frozen = facts.parameters * models - trained
        whole = trained * weight_bytes(workload) + frozen * frozen_weight_bytes(workload)
    else:
        rest = facts.parameters - count_quantizable_weights(workload)
        small = count_quantizable_weights(workload) * quantized_weight_bytes(workload)
        whole = models * (small + rest * unquantized_weight_bytes(workload))
    whole = (stored_checkpoint_bytes(facts) or 0.0) * models or whole
    if workload.strategy not in SHARDS_WEIGHTS:
        return whole / workload.model_parallel_gpus
    resident = 0.0 if workload.offload == "all" else whole / workload.shards
    return resident + 2 * facts.layer_parameters * 2.0


def saved_weight_bytes(workload: Workload) -> float:
    """Bytes of the weights in one checkpoint: an adapter, or the whole model with what is trained in its dtype."""
    if workload.method == "lora":
        return adapter_bytes(workload)
    frozen = workload.facts.parameters - workload.trainable
    return workload.trainable * weight_bytes(workload) + frozen * frozen_weight_bytes(workload)


def unquantized_weight_bytes(workload: Workload) -> float:
    """Bytes of a weight of a quantized base that stays whole: k-bit preparation may upcast embeddings and norms."""
    return 4.0 if workload.trainer in UPCASTS_EMBEDDINGS or workload.precision == "fp32" else 2.0


def count_quantizable_weights(workload: Workload) -> int:
    """Weights that a 4- or 8-bit load quantizes: linear layers but the head, and fused experts where asked."""
    facts = workload.facts
    return facts.linear_parameters + (facts.expert_parameters if workload.quantizes_experts else 0)


def adapter_bytes(workload: Workload) -> float:
    """The adapter's weights."""
    return adapter_weight_bytes(workload) * workload.adapter


def gradient_bytes(workload: Workload) -> float:
    """One a trained weight, in the weight's type; DDP keeps buckets as large beside them."""
    whole = workload.trainable * (
        adapter_weight_bytes(workload) if workload.method == "lora" else weight_bytes(workload)
    )
    if workload.strategy in SHARDS_GRADIENTS:
        return 0.0 if workload.offload != "none" else whole / workload.shards
    if workload.strategy == "megatron" and workload.method != "lora":
        return 4.0 * workload.trainable / workload.model_parallel_gpus
    return whole * (2 if workload.strategy == "ddp" else 1) / workload.model_parallel_gpus


def optimizer_state_bytes(workload: Workload) -> float:
    """Moments; under DeepSpeed a float32 copy of the weights too. Paged and offloaded states are not the GPU's."""
    if workload.paged or workload.offload != "none":
        return 0.0
    whole = workload.trainable * saved_state_bytes(workload)
    return whole / workload.shards if workload.strategy in SHARDS_STATES else whole


def saved_state_bytes(workload: Workload) -> float:
    """Bytes of optimizer state of a trained weight: AdamW's moments have its dtype, master weights are float32."""
    each = STATE_BYTES[workload.state_kind]
    if workload.state_kind == "32bit" and workload.weights_dtype == "bfloat16":
        each /= 2
    return each + (4.0 if _has_master_weights(workload) else 0.0)


def _has_master_weights(workload: Workload) -> bool:
    return workload.strategy in (*DEEPSPEED_STRATEGIES, "megatron") and workload.precision != "fp32"


def hidden_state_bytes(workload: Workload) -> float:
    """Bytes of one number of the residual stream: float32 where the embedding was upcast."""
    return (
        4.0 if workload.precision == "fp32" or (workload.bits != 16 and workload.trainer in UPCASTS_EMBEDDINGS) else 2.0
    )


def kept_activation_bytes(workload: Workload, c: Constants) -> float:
    """What waits for the backward pass: each layer's input under checkpointing, else all that a layer computes.

    An 8-bit layer keeps its inputs whatever checkpointing says: bitsandbytes holds them outside of what autograd may
    drop (run: 21.6 GB against 9.2 GB on 4B).
    """
    facts = workload.facts
    if workload.checkpointing:
        kept = (
            0.0
            if workload.offloads_activations
            else facts.layers * workload.tokens * facts.hidden_size * hidden_state_bytes(workload)
        )
    else:
        kept = facts.layers * layer_activation_bytes(workload, c)
    if workload.bits == 8 and workload.trainer not in DROPS_INT8_INPUTS:
        kept += c["int8_bytes"] * facts.layers * workload.tokens * count_linear_inputs(facts)
    return kept


def count_linear_inputs(facts: ModelFacts) -> int:
    """Numbers that enter the linear modules of a layer, a token."""
    return sum(inputs for inputs, _ in facts.linear_shapes.values())


def layer_activation_bytes(workload: Workload, c: Constants) -> float:
    """What one layer computes and keeps for its backward pass.

    A token has, in numbers: norms and residuals of `hidden_size`, queries and keys before and after their norm and
    rotation, what attention reads and writes, and the three products of the MLP. Fused kernels keep less of it.
    """
    facts = workload.facts
    query, key = facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    wide = (
        facts.intermediate_size if facts.dense else (facts.moe_intermediate_size or 0) * (facts.experts_per_token or 1)
    )
    wider = 1.0 + (c["layer_float32"] if hidden_state_bytes(workload) == 4.0 else 0.0)
    residual = c["layer_hidden"] * wider * facts.hidden_size + c["layer_query"] * (query + key)
    mlp = c["layer_wide"] * wide
    if workload.liger:
        residual, mlp = residual * c["liger_residual"], mlp * c["liger_wide"]
    adapters = (
        (c["adapter_inputs"] + (c["dora_outputs"] if workload.dora else 0)) * count_linear_inputs(facts)
        if workload.method == "lora"
        else 0
    )
    return workload.tokens * (residual + mlp + adapters)


def layer_backward_bytes(workload: Workload, c: Constants) -> float:
    """Gradients of what one layer computes, and under checkpointing that itself, computed again."""
    return (c["backward"] + (1.0 if workload.checkpointing else 0.0)) * layer_activation_bytes(workload, c)


def logit_bytes(workload: Workload, c: Constants) -> float:
    """Logits, their float32 copy, the softmax and its gradient; a fused loss holds a slice of the rows at a time."""
    facts = workload.facts
    if workload.fused_loss:
        return c["fused_logits"] * workload.tokens * facts.hidden_size
    each = c["logits_plain"] if workload.trainer == "plain" else c["logits_trainer"]
    return each * workload.tokens * facts.vocab_size


def autocast_copy_bytes(workload: Workload) -> float:
    """The bf16 copies of float32 weights that autocast holds until the forward pass ends; of an upcast head, one."""
    if workload.precision == "fp32":
        return 0.0
    if workload.method == "lora":
        own = 2.0 * workload.adapter * (adapter_weight_bytes(workload) == 4.0)
    else:  # shards are gathered in bf16
        wide = weight_bytes(workload) == 4.0 and workload.strategy not in SHARDS_WEIGHTS
        own = 2.0 * workload.trainable * wide
    head = workload.facts.hidden_size * workload.facts.vocab_size
    return own + (2.0 * head if workload.bits != 16 and workload.trainer in UPCASTS_EMBEDDINGS else 0.0)


def workspace_bytes(workload: Workload, c: Constants) -> float:
    """Weights that are whole for a moment: a layer that is dequantized, DoRA's norm of W + BA, an optimizer's copy."""
    largest = max(inputs * outputs for inputs, outputs in workload.facts.linear_shapes.values())
    moment = 2.0 * largest if workload.bits != 16 else 0.0
    return moment + (c["dora_weights"] * largest if workload.dora else 0.0)
