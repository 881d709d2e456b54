"""Peak GPU memory of a run, in parts that a person can check. All in bytes, for one process.

Each part is a function of its own; the constants are in constants.json, fitted by scripts/fit_estimator.py on the
cells of measured/cells.json that are marked `fitted`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qwen_recipes.estimate.load import DROPS_INT8_INPUTS, FULL_PRECISION, STATE_BYTES, UPCASTS_EMBEDDINGS, Load
from qwen_recipes.qwen.facts import ModelFacts

GIB = 2**30
Constants = Mapping[str, float]
SHARDS_WEIGHTS = ("zero3", "fsdp", "fsdp1")
SHARDS_GRADIENTS = ("zero2", *SHARDS_WEIGHTS)
SHARDS_STATES = ("zero1", "megatron", *SHARDS_GRADIENTS)
TRANSIENT = ("gradients", "activations", "logits", "layer", "workspace")
DEEPSPEED = ("zero1", "zero2", "zero3")


@dataclass(frozen=True)
class Parts:
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
def constants() -> dict[str, float]:
    """The fitted numbers, by name; constants.json says what each is."""
    text = (Path(__file__).parent / "constants.json").read_text("utf-8")
    return {name: float(entry["value"]) for name, entry in json.loads(text)["constants"].items()}


def parts_of(load: Load, c: Constants | None = None) -> Parts:
    """The parts of the peak: of the moments of a step, the one that holds most.

    At the loss all activations and the logits are there, and gradients only of an earlier micro-batch; then layer after
    layer gives up what it kept and gets its gradients; at the optimizer's step gradients and moments are all there.
    """
    c = c or constants()
    fixed = {"weights": stored_weights(load), "adapter": adapter_stored(load), "optimizer": optimizer_states(load)}
    made, kept, earlier = gradients(load), kept_activations(load, c), gradients(load) if load.accumulates else 0.0
    inside = {"layer": layer_backward(load, c), "workspace": workspace(load, c)}
    moments = (
        {"gradients": earlier, "activations": kept, "logits": loss_chain(load, c), "workspace": autocast_copies(load)},
        {"gradients": earlier, "activations": kept, **inside},
        {"gradients": made, "activations": kept / load.facts.layers, **inside},
        {"gradients": made},
    )
    most = max(moments, key=lambda moment: sum(moment.values()))
    known = dict.fromkeys(TRANSIENT, 0.0) | most
    return Parts(**fixed, **known, reserve=reserve(load, sum(fixed.values()), known, c))


def reserve(load: Load, fixed: float, transient: Mapping[str, float], c: Constants) -> float:
    """What the allocator holds and does not use: blocks that logits left, and a share of the rest."""
    blocks = 0.0 if load.fused_loss else c["reserve_logits"] * load.tokens * load.facts.vocab_size
    within = sum(transient.values()) - transient["logits"]
    return blocks + c["reserve_fixed"] * fixed + c["reserve_share"] * within + c["reserve_bytes"]


def weight_bytes(load: Load) -> float:
    """Bytes of one stored weight that is not quantized: 4 where the trainer holds what it trains in float32."""
    upcast = load.trainer in FULL_PRECISION and load.method != "lora" and load.strategy not in DEEPSPEED
    return 4.0 if load.precision == "fp32" or upcast else 2.0


def quantized_bytes(load: Load) -> float:
    """Bytes of one quantized weight: 4 bits, a scale for each 64 of them, and those scales in 8 bits where double
    (bitsandbytes: 0.127 bits a weight instead of 0.5)."""
    if load.bits == 8:
        return 1.0
    return (4.0 + (0.127 if load.double else 0.5)) / 8


def stored_weights(load: Load) -> float:
    """The base as it is stored: what shards leave here, and a second copy where a reference is kept."""
    facts = load.facts
    if load.bits == 16:
        whole = facts.parameters * weight_bytes(load)
    else:
        rest = facts.parameters - quantizable(facts)
        whole = quantizable(facts) * quantized_bytes(load) + rest * unquantized_bytes(load)
    copies = 2 if load.reference else 1
    if load.strategy not in SHARDS_WEIGHTS:
        return copies * whole / load.parts
    resident = 0.0 if load.offload == "all" else whole / load.shards
    return copies * resident + 2 * facts.layer_parameters * 2.0


def unquantized_bytes(load: Load) -> float:
    """Bytes of a weight of a quantized base that stays whole: k-bit preparation may upcast embeddings and norms."""
    return 4.0 if load.trainer in UPCASTS_EMBEDDINGS or load.precision == "fp32" else 2.0


def quantizable(facts: ModelFacts) -> int:
    """Weights that a 4- or 8-bit load quantizes: linear layers but the head; fused experts stay as they are."""
    return facts.linear_parameters


def adapter_stored(load: Load) -> float:
    """The adapter's weights, in float32 (PEFT casts them up)."""
    return 4.0 * load.adapter


def gradients(load: Load) -> float:
    """One a trained weight, in the weight's type; DDP keeps buckets as large beside them."""
    whole = load.trainable * (4.0 if load.method == "lora" else weight_bytes(load))
    if load.strategy in SHARDS_GRADIENTS:
        return 0.0 if load.offload != "none" else whole / load.shards
    if load.strategy == "megatron" and load.method != "lora":
        return 4.0 * load.trainable / load.parts
    return whole * (2 if load.strategy == "ddp" else 1) / load.parts


def optimizer_states(load: Load) -> float:
    """Moments; under DeepSpeed a float32 copy of the weights too. Paged and offloaded states are not the GPU's."""
    if load.paged or load.offload != "none":
        return 0.0
    each = STATE_BYTES[load.states]
    if load.states == "32bit" and load.method != "lora" and weight_bytes(load) == 2.0 and not _masters(load):
        each /= 2
    whole = load.trainable * (each + (4.0 if _masters(load) else 0.0))
    return whole / load.shards if load.strategy in SHARDS_STATES else whole


def _masters(load: Load) -> bool:
    return load.strategy in (*DEEPSPEED, "megatron") and load.precision != "fp32"


def hidden_bytes(load: Load) -> float:
    """Bytes of one number of the residual stream: float32 where the embedding was upcast."""
    return 4.0 if load.precision == "fp32" or (load.bits != 16 and load.trainer in UPCASTS_EMBEDDINGS) else 2.0


def kept_activations(load: Load, c: Constants) -> float:
    """What waits for the backward pass: each layer's input under checkpointing, else all that a layer computes.

    An 8-bit layer keeps its inputs whatever checkpointing says: bitsandbytes holds them outside of what autograd may
    drop (run: 21.6 GB against 9.2 GB on 4B).
    """
    facts = load.facts
    if load.checkpointing:
        kept = 0.0 if load.offloads_activations else facts.layers * load.tokens * facts.hidden_size * hidden_bytes(load)
    else:
        kept = facts.layers * layer_activations(load, c)
    if load.bits == 8 and load.trainer not in DROPS_INT8_INPUTS:
        kept += c["int8_bytes"] * facts.layers * load.tokens * inputs_of(facts)
    return kept


def inputs_of(facts: ModelFacts) -> int:
    """Numbers that enter the linear modules of a layer, a token."""
    return sum(inputs for inputs, _ in facts.linear_shapes.values())


def layer_activations(load: Load, c: Constants) -> float:
    """What one layer computes and keeps for its backward pass.

    A token has, in numbers: norms and residuals of `hidden_size`, queries and keys before and after their norm and
    rotation, what attention reads and writes, and the three products of the MLP. Fused kernels keep less of it.
    """
    facts = load.facts
    query, key = facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    wide = (
        facts.intermediate_size if facts.dense else (facts.moe_intermediate_size or 0) * (facts.experts_per_token or 1)
    )
    wider = 1.0 + (c["layer_float32"] if hidden_bytes(load) == 4.0 else 0.0)
    residual = c["layer_hidden"] * wider * facts.hidden_size + c["layer_query"] * (query + key)
    mlp = c["layer_wide"] * wide
    if load.liger:
        residual, mlp = residual * c["liger_residual"], mlp * c["liger_wide"]
    adapters = (
        (c["adapter_inputs"] + (c["dora_outputs"] if load.dora else 0)) * inputs_of(facts)
        if load.method == "lora"
        else 0
    )
    return load.tokens * (residual + mlp + adapters)


def layer_backward(load: Load, c: Constants) -> float:
    """Gradients of what one layer computes, and under checkpointing that itself, computed again."""
    return (c["backward"] + (1.0 if load.checkpointing else 0.0)) * layer_activations(load, c)


def loss_chain(load: Load, c: Constants) -> float:
    """Logits, their float32 copy, the softmax and its gradient; a fused loss holds a slice of the rows at a time."""
    facts = load.facts
    if load.fused_loss:
        return c["fused_logits"] * load.tokens * facts.hidden_size
    each = c["logits_plain"] if load.trainer == "plain" else c["logits_trainer"]
    return each * load.tokens * facts.vocab_size


def autocast_copies(load: Load) -> float:
    """The bf16 copies of float32 weights that autocast holds until the forward pass ends; of an upcast head, one."""
    if load.precision == "fp32":
        return 0.0
    own = 2.0 * load.adapter if load.method == "lora" else 2.0 * load.trainable * (weight_bytes(load) == 4.0)
    head = load.facts.hidden_size * load.facts.vocab_size
    return own + (2.0 * head if load.bits != 16 and load.trainer in UPCASTS_EMBEDDINGS else 0.0)


def workspace(load: Load, c: Constants) -> float:
    """Weights that are whole for a moment: a layer that is dequantized, DoRA's norm of W + BA, an optimizer's copy."""
    largest = max(inputs * outputs for inputs, outputs in load.facts.linear_shapes.values())
    moment = 2.0 * largest if load.bits != 16 else 0.0
    return moment + (c["dora_weights"] * largest if load.dora else 0.0)
