"""What an estimate needs to know of a run: one flat record, from a plan or from a measured cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from qwen_recipes.backends.plan import HardwarePlan, Plan
from qwen_recipes.estimate.trainer_traits import get_traits
from qwen_recipes.qwen.facts import ModelFacts, count_lora_parameters

STATE_BYTES = {"8bit": 2.0, "32bit": 8.0, "factored": 0.1, "momentum": 4.0, "three moments": 12.0, "none": 0.0}
"""Bytes of optimizer state a trained float32 weight: three moments, two, one, none, or rows and columns alone."""


@dataclass(frozen=True)
class Workload:
    """One process's share of a run.

    `trainable` and `adapter` count weights of the whole model, `sequence` tokens, `micro_batch` sequences, `bits` those
    of a stored base weight, and `shards` the processes that the weights may be split over.
    """

    facts: ModelFacts
    trainer: str
    method: str
    """`full`, `freeze` or `lora`."""
    dora: bool
    trainable: int
    adapter: int
    bits: int
    double: bool
    sequence: int
    micro_batch: int
    packed: bool
    checkpointing: bool
    offloads_activations: bool
    fused_loss: bool
    liger: bool
    state_kind: str
    """A key of STATE_BYTES."""
    paged: bool
    precision: str
    weights_dtype: str
    """What the optimizer updates: `float32` or `bfloat16`."""
    strategy: str
    shards: int
    offload: str
    reference: bool
    """Whether a second, frozen model stays beside, for the loss to compare with."""
    accumulation: int
    """Micro-batches of one optimizer step."""
    trained_tensors: int
    """Trained tensors: an optimizer that goes through them one by one takes a while."""
    rows_per_example: int
    """Rows that pass for one row of the batch: two where a better and a worse answer are compared."""
    quantizes_experts: bool = False
    """Whether the fused experts of a mixture are stored in `bits`, too."""
    objective: str = "sft"
    attention: str = "sdpa"
    lora_kernels: bool = False
    """Axolotl's own kernels for adapters, which keep less."""
    varies: bool = False
    """Whether micro-batches differ in length: blocks of one length do not fit the next."""
    completion: int = 0
    """Tokens that are generated for each sequence before it is trained on."""
    trained_layers: int = 0
    """Layers that are trained, under `freeze`."""
    model_parallel_gpus: int = 1
    """GPUs that hold one copy of the model under Megatron; from its documents, never measured here."""

    @property
    def accumulates_gradients(self) -> bool:
        """Whether gradients of an earlier micro-batch are there when the next one comes."""
        return self.accumulation > 1

    @property
    def tokens(self) -> int:
        """Tokens of one micro-batch."""
        return self.sequence * self.micro_batch * self.rows_per_example


def build_workload(plan: Plan, facts: ModelFacts, *, varies: bool = False, longest: int | None = None) -> Workload:
    """The load of one of the plan's processes.

    `varies`: its rows are not all as long as the limit; `longest`: tokens of the longest, where it is known.
    """
    m, t, h = plan.method, plan.training, plan.hardware
    states, paged = _classify_optimizer(t.optimizer)
    return Workload(
        facts=facts,
        trainer=plan.backend,
        method=m.type,
        dora=m.variant == "dora",
        trainable=count_trainable_weights(plan, facts),
        adapter=count_adapter_weights(plan, facts) if m.adapter else 0,
        bits=plan.quantization.bits,
        double=plan.quantization.double,
        quantizes_experts=plan.quantization.experts,
        sequence=(t.tokens_per_sequence if longest is None or t.packing else min(t.sequence_length, longest))
        // h.context_parallel,
        micro_batch=t.micro_batch_size,
        packed=t.packing,
        checkpointing=t.gradient_checkpointing,
        offloads_activations=t.offload_activations,
        fused_loss=_fuses_loss(plan),
        liger=t.liger,
        state_kind=states,
        paged=paged,
        precision=t.precision,
        weights_dtype=t.weights_dtype,
        strategy=h.strategy,
        shards=h.world if h.megatron else max(1, h.world // h.tensor_parallel),
        model_parallel_gpus=_count_model_parallel_gpus(h, facts),
        offload=h.offload,
        reference=keeps_reference_model(plan),
        accumulation=t.gradient_accumulation,
        trained_tensors=_count_trained_tensors(
            facts, "full" if not m.adapter else m.variant, len(m.targets), len(m.layer_numbers)
        ),
        rows_per_example=2 if plan.objective.pairs else 1,
        objective=plan.objective.type,
        attention=t.attention,
        lora_kernels=t.lora_kernels,
        completion=plan.objective.max_completion_length or 0 if plan.objective.type == "grpo" else 0,
        varies=varies and not t.packing,
        trained_layers=len(m.layer_numbers) or facts.layers,
    )


def _fuses_loss(plan: Plan) -> bool:
    """Whether logits are there a slice at a time."""
    kind, t = plan.objective.type, plan.training
    own = kind in get_traits(plan.backend).fuses_losses
    return own or ((t.liger or t.cut_cross_entropy) and kind in ("sft", "pretrain"))


def keeps_reference_model(plan: Plan) -> bool:
    """Whether the model to compare with is loaded beside the one that is trained.

    With a new adapter it is the same model without it. From a saved one, LLaMA-Factory loads the model again for
    preferences and ms-swift for an anchored loss; the others hold the saved adapter twice. GRPO without `beta` compares
    with nothing.
    """
    objective, method = plan.objective, plan.method
    if not objective.compares or (objective.type == "grpo" and objective.beta == 0):
        return False
    if not method.adapter:
        return True
    continued = method.start_from is not None and objective.reference == "start"
    anchored = objective.kl_weight is not None
    return continued and (plan.backend == "llamafactory" or (plan.backend == "ms-swift" and anchored))


def build_workload_from_cell(cell: Mapping[str, Any], facts: ModelFacts) -> Workload:
    """The load of a measured cell (measured/cells.json)."""
    full = cell["method"] == "full"
    dora = cell["method"] in ("dora", "qdora")
    weights = 0 if full else count_lora_parameters(facts, cell["rank"], facts.linear_modules, dora=dora)
    states, paged = _classify_optimizer(cell["optimizer"])
    return Workload(
        facts=facts,
        trainer=cell["stack"],
        method="full" if full else "lora",
        dora=dora,
        trainable=facts.parameters if full else weights,
        adapter=weights,
        bits=cell["bits"],
        double=True,
        sequence=cell["seq"],
        micro_batch=cell["micro_batch"],
        packed=False,
        checkpointing=cell["checkpointing"],
        offloads_activations=False,
        fused_loss=cell["liger"],
        liger=cell["liger"],
        state_kind=states,
        paged=paged,
        precision="bf16",
        weights_dtype="bfloat16" if full and not get_traits(cell["stack"]).float32_full else "float32",
        strategy="single",
        shards=1,
        offload="none",
        reference=False,
        accumulation=1,
        trained_tensors=_count_trained_tensors(
            facts, "full" if full else "dora" if dora else "plain", len(facts.linear_modules), 0
        ),
        rows_per_example=1,
    )


def _count_trained_tensors(facts: ModelFacts, variant: str, targets: int, layers: int) -> int:
    """Tensors of the layers that are trained: eleven of a whole layer, two a target of an adapter, three under DoRA."""
    each = {"full": 11, "dora": 3 * targets}.get(variant, 2 * targets)
    return (layers or facts.layers) * each


def _count_model_parallel_gpus(h: HardwarePlan, facts: ModelFacts) -> int:
    """Nearly all weights of a mixture are experts, which expert parallelism splits and tensor parallelism does not."""
    if not h.megatron:
        return 1
    return h.pipeline_parallel * (h.tensor_parallel if facts.dense else h.expert_parallel)


def _classify_optimizer(optimizer: str) -> tuple[str, bool]:
    paged = optimizer.startswith("paged_")
    if "8bit" in optimizer:
        return "8bit", paged
    if optimizer.startswith("adafactor"):
        return "factored", paged
    if optimizer.startswith(("lion", "muon")):
        return "momentum", paged
    return {"ademamix": "three moments", "sgd": "none"}.get(optimizer, "32bit"), paged


def count_trainable_weights(plan: Plan, facts: ModelFacts) -> int:
    """Trained weights of a plan, exactly as PEFT and transformers count them."""
    if plan.method.adapter:
        return count_adapter_weights(plan, facts)
    if plan.method.type == "freeze":
        return facts.layer_parameters * len(plan.method.layer_numbers)
    return facts.parameters


def count_adapter_weights(plan: Plan, facts: ModelFacts) -> int:
    """The number of weights that the adapter trains, modules that are trained whole included."""
    m = plan.method
    whole = _count_lora_weights(facts, m.rank, m.targets, m.variant == "dora")
    layers = len(m.layer_numbers) or facts.layers
    saved = set(m.modules_to_save)
    copies = 1 if facts.tied_embeddings and plan.backend == "axolotl" and len(saved) > 1 else len(saved)
    return whole * layers // facts.layers + copies * facts.hidden_size * facts.vocab_size


@cache
def _count_lora_weights(facts: ModelFacts, rank: int, targets: tuple[str, ...], dora: bool) -> int:
    return count_lora_parameters(facts, rank, targets, dora=dora)
