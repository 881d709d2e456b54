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
from qwen_recipes.estimate.dora_memory import dora_activation_numbers, dora_workspace_bytes
from qwen_recipes.estimate.trainer_traits import get_logit_blocks, get_logit_bytes, get_traits
from qwen_recipes.estimate.workload import STATE_BYTES, Workload
from qwen_recipes.qwen.facts import ModelFacts

Constants = Mapping[str, float]
SHARDS_WEIGHTS = ("zero3", "fsdp", "fsdp1")
SHARDS_GRADIENTS = ("zero2", *SHARDS_WEIGHTS)
SHARDS_STATES = ("zero1", "megatron", *SHARDS_GRADIENTS)
TRANSIENT_PARTS = ("gradients", "activations", "logits", "layer", "workspace")
DEEPSPEED_STRATEGIES = ("zero1", "zero2", "zero3")
FSDP_STRATEGIES = ("fsdp", "fsdp1")
ZERO3_GROUP = 1e9
"""Weights that ZeRO-3 updates at a time: DeepSpeed's default `sub_group_size`."""
LOSSES_IN_MODEL = ("sft", "pretrain")
"""Objectives whose loss the model takes itself, under autocast."""


@dataclass(frozen=True)
class MemoryBreakdown:
    """Bytes per GPU at the peak, by what holds them. `activations` to `workspace` come and go within a step.

    `activations`: kept for the backward pass; `layer`: what one layer computes in its backward pass; `workspace`:
    weights that are copied or dequantized for a moment; `reserve`: held by the allocator, and not in use.
    """

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
        """Bytes that the allocator reserves at the peak."""
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
    """The parts of the peak: of the moments of a step, the one that holds most."""
    c = c or load_constants()
    fixed = get_fixed_parts(workload)
    most = max(list_moments(workload, c).values(), key=lambda moment: sum(moment.values()))
    known = dict.fromkeys(TRANSIENT_PARTS, 0.0) | most
    return MemoryBreakdown(**fixed, **known, reserve=allocator_reserve_bytes(workload, known, c))


def get_fixed_parts(workload: Workload) -> dict[str, float]:
    """Bytes that are held from the end of the first step on, by part."""
    return {
        "weights": stored_weight_bytes(workload),
        "adapter": adapter_bytes(workload),
        "optimizer": optimizer_state_bytes(workload),
    }


def list_moments(workload: Workload, c: Constants) -> dict[str, dict[str, float]]:
    """Bytes that come and go, by part, at each moment of a step.

    At the loss all activations and the logits are there, and gradients only of an earlier micro-batch; then layer after
    layer gives up what it kept and gets its gradients; at the optimizer's step gradients and moments are all there, and
    under DeepSpeed float32 copies of the gradients.
    """
    facts, kept = workload.facts, kept_activation_bytes(workload, c)
    made, head = gradient_bytes(workload), head_gradient_bytes(workload)
    earlier = made if workload.accumulates_gradients else 0.0
    forward, backward = logit_bytes(workload, c)
    copies = autocast_copy_bytes(workload)
    room = c["cublas_bytes"] + (2.0 * workload.sequence**2 * workload.micro_batch if _has_dense_mask(workload) else 0.0)
    space = workspace_bytes(workload, c) + room
    in_model = workload.objective in LOSSES_IN_MODEL or workload.fused_loss
    early_head = head if takes_head_gradient_early(workload) else 0.0
    layer_gradients = 0.0 if workload.method == "lora" else made / max(1, workload.trained_layers or facts.layers)
    return {
        "model": {"gradients": earlier, "activations": kept, "workspace": copies + room},
        "loss": {
            "gradients": earlier + early_head,
            "activations": kept,
            "logits": forward,
            "workspace": room + (copies if in_model else 0.0),
        },
        "loss backward": {"gradients": earlier, "activations": kept, "logits": backward, "workspace": room},
        "last layer": {
            "gradients": earlier + head + layer_gradients,
            "activations": kept,
            "layer": layer_backward_bytes(workload, c),
            "workspace": space,
        },
        "first layer": {
            "gradients": made,
            "activations": kept / facts.layers,
            "layer": layer_backward_bytes(workload, c) if workload.method == "lora" else 0.0,
            "workspace": space,
        },
        "embedding": {"gradients": made + embedding_gradient_bytes(workload), "workspace": room},
        "update": {"gradients": max(made, update_gradient_bytes(workload)), "workspace": room},
    }


def _has_dense_mask(workload: Workload) -> bool:
    return workload.packed and get_traits(workload.trainer).dense_mask


def head_gradient_bytes(workload: Workload) -> float:
    """Bytes of the head's gradient, which is there before any layer's, where the head is trained."""
    if workload.method != "full" or workload.strategy in SHARDS_GRADIENTS:
        return 0.0
    return weight_bytes(workload) * workload.facts.hidden_size * workload.facts.vocab_size


def embedding_gradient_bytes(workload: Workload) -> float:
    """Bytes of the embedding's gradients before they are added up: of a tied head, and of an earlier micro-batch.

    FSDP has the whole embedding's gradient, in bf16, before each GPU keeps its share.
    """
    if workload.method == "full" and workload.strategy in FSDP_STRATEGIES:
        return 2.0 * workload.facts.embedding_parameters
    return head_gradient_bytes(workload) * (workload.facts.tied_embeddings + workload.accumulates_gradients)


def update_gradient_bytes(workload: Workload) -> float:
    """Bytes that DeepSpeed's step holds on one GPU: float32 gradients and a temporary as large, of all that the GPU
    updates or under ZeRO-3 of a group at a time, and the bf16 gradients of what waits.
    """
    if workload.strategy not in DEEPSPEED_STRATEGIES or workload.offload != "none" or workload.precision == "fp32":
        return 0.0
    own = workload.trainable / workload.shards
    group = min(own, ZERO3_GROUP) if workload.strategy == "zero3" else own
    return (8.0 if workload.state_kind == "32bit" else 4.0) * group + 2.0 * (own - group)


def takes_head_gradient_early(workload: Workload) -> bool:
    """Liger's fused loss computes the gradient of a trained head while it goes forward; TRL's own does not."""
    return workload.fused_loss and not get_traits(workload.trainer).fuses_losses


def allocator_reserve_bytes(workload: Workload, transient: Mapping[str, float], c: Constants) -> float:
    """Bytes that the allocator holds unused: blocks that logits left, and a share of what comes and goes.

    Of an allocator whose segments grow, as run.sh asks for: what one length of micro-batch frees, the next can use.
    """
    logits = 0.0 if workload.fused_loss else get_logit_blocks(workload.trainer, workload.objective)
    blocks = c["reserve_logits"] * logits * workload.tokens * workload.facts.vocab_size
    within = (transient["activations"] + transient["layer"]) if workload.checkpointing else 0.0
    trained = c["reserve_trained"] * gradient_bytes(workload) if workload.method != "lora" else 0.0
    if workload.reference and not workload.fused_loss:
        trained += c["reserve_reference"] * 2.0 * workload.facts.parameters
    experts = 0.0 if workload.facts.dense else c["reserve_experts"] * 2.0 * workload.facts.layer_parameters
    shards = shard_block_bytes(workload, c)
    return blocks + c["reserve_share"] * within + trained + experts + shards + c["reserve_bytes"]


def shard_block_bytes(workload: Workload, c: Constants) -> float:
    """Bytes of blocks that gathering weights and sharing gradients out leave, where all weights are trained."""
    if workload.method != "full" or workload.strategy not in SHARDS_GRADIENTS or workload.shards == 1:
        return 0.0
    each = c[f"reserve_{'fsdp' if workload.strategy in FSDP_STRATEGIES else workload.strategy}"]
    return 0.0 if workload.offload != "none" else each * workload.trainable / workload.shards


def weight_bytes(workload: Workload) -> float:
    """Bytes of one weight of the model that is trained; DeepSpeed's float32 master weights are counted apart."""
    wide = workload.weights_dtype == "float32" and not _has_master_weights(workload)
    return 4.0 if workload.precision == "fp32" or wide else 2.0


def frozen_weight_bytes(workload: Workload) -> float:
    """Bytes of one weight that is neither quantized nor trained."""
    return 4.0 if workload.precision == "fp32" else 2.0


def adapter_weight_bytes(workload: Workload) -> float:
    """Bytes of one weight of an adapter."""
    if workload.bits != 16 and get_traits(workload.trainer).bfloat16_quantized_adapters:
        return 2.0
    return 4.0 if workload.weights_dtype == "float32" else 2.0


def quantized_weight_bytes(workload: Workload) -> float:
    """Bytes of one quantized weight: 4 bits, a scale for each 64 of them, and those scales in 8 bits where double
    (bitsandbytes: 0.127 bits a weight instead of 0.5)."""
    if workload.bits == 8:
        return 1.0
    return (4.0 + (0.127 if workload.double else 0.5)) / 8


def stored_weight_bytes(workload: Workload) -> float:
    """Bytes of the model as stored on one GPU: its shard, and a frozen reference model where one is kept."""
    facts, traits = workload.facts, get_traits(workload.trainer)
    embedding = facts.hidden_size * facts.vocab_size
    if workload.bits == 16:
        trained = 0 if workload.method == "lora" else workload.trainable
        frozen = frozen_weight_bytes(workload)
        whole = trained * weight_bytes(workload) + (facts.parameters - trained) * frozen
        wide = (4.0 - frozen) * embedding if workload.method in traits.float32_embeddings else 0.0
        whole += wide if workload.method == "freeze" else 0.0
        if workload.reference:
            each = weight_bytes(workload) if _has_wide_reference(workload) else frozen
            whole += facts.parameters * each + wide
    else:
        rest = facts.parameters - count_quantizable_weights(workload)
        small = count_quantizable_weights(workload) * quantized_weight_bytes(workload)
        experts = 0 if facts.dense or not traits.makes_experts_float32 else rest - facts.embedding_parameters
        whole = small + (rest - experts) * unquantized_weight_bytes(workload) + experts * 4.0
        whole *= 2 if workload.reference else 1
    if (stored := stored_checkpoint_bytes(facts)) is not None:
        whole = stored * (2 if workload.reference else 1)
    if workload.strategy not in SHARDS_WEIGHTS:
        return whole / workload.model_parallel_gpus
    if workload.strategy == "fsdp" and traits.float32_shards and workload.bits == 16 and workload.method == "lora":
        whole = 4.0 * facts.parameters
    resident = 0.0 if workload.offload == "all" else whole / workload.shards
    gathered = 2 * facts.layer_parameters
    if workload.strategy in FSDP_STRATEGIES and workload.shards > 1:  # its outermost unit stays gathered
        gathered += facts.embedding_parameters
    return resident + 2.0 * gathered


def _has_wide_reference(workload: Workload) -> bool:
    return workload.method == "full" and get_traits(workload.trainer).float32_reference


def saved_weight_bytes(workload: Workload) -> float:
    """Bytes of the weights in one checkpoint: an adapter, or the whole model with what is trained in its dtype."""
    if workload.method == "lora":
        return adapter_bytes(workload)
    frozen = workload.facts.parameters - workload.trainable
    return workload.trainable * weight_bytes(workload) + frozen * frozen_weight_bytes(workload)


def unquantized_weight_bytes(workload: Workload) -> float:
    """Bytes of a weight of a quantized base that stays whole: k-bit preparation may upcast embeddings and norms."""
    return 4.0 if get_traits(workload.trainer).upcasts_embeddings or workload.precision == "fp32" else 2.0


def count_quantizable_weights(workload: Workload) -> int:
    """Weights that a 4- or 8-bit load quantizes: linear layers but the head, and fused experts where asked."""
    facts = workload.facts
    return facts.linear_parameters + (facts.expert_parameters if workload.quantizes_experts else 0)


def adapter_bytes(workload: Workload) -> float:
    """Bytes of the adapter's weights."""
    return adapter_weight_bytes(workload) * workload.adapter


def gradient_bytes(workload: Workload) -> float:
    """Bytes on one GPU: a gradient for each trained weight, in its dtype; DDP keeps buckets as large beside them."""
    whole = workload.trainable * (
        adapter_weight_bytes(workload) if workload.method == "lora" else weight_bytes(workload)
    )
    if workload.strategy in SHARDS_GRADIENTS:
        return 0.0 if workload.offload != "none" else whole / workload.shards
    if workload.strategy == "megatron" and workload.method != "lora":
        return 4.0 * workload.trainable / workload.model_parallel_gpus
    return whole * (2 if workload.strategy == "ddp" else 1) / workload.model_parallel_gpus


def optimizer_state_bytes(workload: Workload) -> float:
    """Bytes on one GPU of moments, and under DeepSpeed of a float32 copy of the weights; none if paged or offloaded."""
    if workload.paged or workload.offload != "none":
        return 0.0
    whole = saved_state_bytes(workload)
    return whole / workload.shards if workload.strategy in SHARDS_STATES else whole


def saved_state_bytes(workload: Workload) -> float:
    """Bytes of optimizer state: AdamW's moments have the weights' dtype, master weights are float32.

    transformers' Trainer keeps the moments of embeddings (not of an untied head) in 32 bits under 8-bit optimizers.
    """
    facts, each = workload.facts, STATE_BYTES[workload.state_kind]
    if workload.state_kind == "32bit" and workload.method == "lora":
        each *= adapter_weight_bytes(workload) / 4.0
    elif workload.state_kind == "32bit" and workload.weights_dtype == "bfloat16":
        each /= 2
    masters = 4.0 if _has_master_weights(workload) else 0.0
    embedding = facts.hidden_size * facts.vocab_size
    wide = embedding * (8.0 - each) if workload.state_kind == "8bit" and _trains_embedding_wide(workload) else 0.0
    return workload.trainable * (each + masters) + wide


def _trains_embedding_wide(workload: Workload) -> bool:
    return workload.method == "full" and workload.trainer != "plain"


def _has_master_weights(workload: Workload) -> bool:
    return workload.strategy in (*DEEPSPEED_STRATEGIES, "megatron") and workload.precision != "fp32"


def hidden_state_bytes(workload: Workload) -> float:
    """Bytes of one number of the residual stream: float32 where the embedding was upcast."""
    traits = get_traits(workload.trainer)
    quantized = workload.bits != 16 and traits.upcasts_embeddings
    trained = workload.method == "full" and weight_bytes(workload) == 4.0 and workload.strategy not in SHARDS_WEIGHTS
    frozen = workload.method == "freeze" and "freeze" in traits.float32_embeddings
    return 4.0 if workload.precision == "fp32" or quantized or trained or frozen else 2.0


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
            else count_keeping_layers(workload) * workload.tokens * facts.hidden_size * hidden_state_bytes(workload)
        )
    else:
        kept = count_keeping_layers(workload) * layer_activation_bytes(workload, c)
    if workload.bits == 8 and not get_traits(workload.trainer).drops_int8_inputs:
        kept += c["int8_bytes"] * facts.layers * workload.tokens * count_linear_inputs(facts)
    return kept


def count_keeping_layers(workload: Workload) -> int:
    """Layers that keep something for the backward pass."""
    early = workload.method == "freeze" and get_traits(workload.trainer).freezes_early_layers
    return workload.trained_layers if early else workload.facts.layers


def count_linear_inputs(facts: ModelFacts) -> int:
    """Numbers that enter the linear modules of a layer, a token."""
    return sum(inputs for inputs, _ in facts.linear_shapes.values())


def layer_activation_bytes(workload: Workload, c: Constants) -> float:
    """Bytes that one layer computes and keeps for its backward pass.

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
        (c["adapter_inputs"] + dora_activation_numbers(workload, c)) * count_linear_inputs(facts)
        if workload.method == "lora"
        else 0
    )
    share = 1.0
    if workload.lora_kernels:  # on a 4-bit base they keep as much
        share = c["kernels_share"]
    elif workload.bits == 4 and not get_traits(workload.trainer).upcasts_embeddings:
        share = c["quantized_share"]
    return workload.tokens * (residual + mlp + adapters) * share


def layer_backward_bytes(workload: Workload, c: Constants) -> float:
    """Bytes of gradients of what one layer computes, and under checkpointing of that itself, computed again."""
    return (c["backward"] + (1.0 if workload.checkpointing else 0.0)) * layer_activation_bytes(workload, c)


def logit_bytes(workload: Workload, c: Constants) -> tuple[float, float]:
    """Bytes that the loss holds, and that its backward pass does.

    Logits, their float32 copy, the log-softmax and its gradient, as each trainer has them. A fused loss holds a slice
    of the rows at a time (Liger: as many as vocabulary over width), and the trained head's gradient in two precisions.
    """
    facts = workload.facts
    if not workload.fused_loss:
        forward, backward = get_logit_bytes(workload.trainer, workload.objective)
        each = workload.tokens * facts.vocab_size
        return forward * each, backward * each
    width = facts.hidden_size * workload.tokens
    slices = -(-facts.vocab_size // facts.hidden_size)
    rows = 2 ** max(0, (-(-workload.tokens // slices) - 1)).bit_length()
    head = (
        2.0 * facts.hidden_size * facts.vocab_size
        if workload.method == "full" and takes_head_gradient_early(workload)
        else 0.0
    )
    return c["fused_logits"] * width + 6.0 * rows * facts.vocab_size + head, 0.0


def autocast_copy_bytes(workload: Workload) -> float:
    """Bytes of the bf16 copies of float32 weights, an upcast head among them, that autocast holds in a forward pass."""
    if workload.precision == "fp32":
        return 0.0
    if workload.method == "lora":
        own = 2.0 * workload.adapter * (adapter_weight_bytes(workload) == 4.0)
    else:  # shards are gathered in bf16
        wide = weight_bytes(workload) == 4.0 and workload.strategy not in SHARDS_WEIGHTS
        own = 2.0 * workload.trainable * wide
    head = workload.facts.hidden_size * workload.facts.vocab_size
    return own + (2.0 * head if workload.bits != 16 and get_traits(workload.trainer).upcasts_embeddings else 0.0)


def workspace_bytes(workload: Workload, c: Constants) -> float:
    """Bytes of weights that are whole for a moment: a dequantized layer, DoRA's W + BA, an optimizer's copy."""
    largest = max(inputs * outputs for inputs, outputs in workload.facts.linear_shapes.values())
    moment = 2.0 * largest if workload.bits != 16 else 0.0
    return moment + dora_workspace_bytes(workload, c, largest)
