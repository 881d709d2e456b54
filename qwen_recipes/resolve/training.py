"""Optimisation: every number that a framework would otherwise choose by itself."""

from __future__ import annotations

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import (
    DataPlan,
    HardwarePlan,
    LowRankPlan,
    MethodPlan,
    ObjectivePlan,
    TrainingPlan,
    can_count_steps,
)
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS
from qwen_recipes.recipe.spec.training import LowRank, Training
from qwen_recipes.resolve.batch import BatchSizes, SequenceSizes
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.intervals import resolve_evaluation_interval, resolve_save_interval
from qwen_recipes.resolve.kernels import resolve_kernel, resolve_liger
from qwen_recipes.resolve.learning_rate import resolve_learning_rate
from qwen_recipes.resolve.machine import resolve_tf32
from qwen_recipes.resolve.precision import resolve_precision
from qwen_recipes.resolve.schedule import SCHEDULE_FREE, resolve_decay, resolve_minimum, resolve_warmup


def resolve_training(
    t: Training,
    objective: ObjectivePlan,
    facts: ModelFacts,
    method: MethodPlan,
    data: DataPlan,
    hardware: HardwarePlan,
    batch: BatchSizes,
    sequences: SequenceSizes,
    attention: str,
    backend: Backend,
    decisions: PlanDecisions,
) -> TrainingPlan:
    """The training part of the plan."""
    pick = decisions.choose_value
    adapter, cpu = method.adapter, hardware.device == "cpu"
    beta1, beta2 = t.betas or (0.9, 0.999)
    _record_betas(t, decisions)
    evaluate_every = resolve_evaluation_interval(t, data, decisions)
    learning_rate = resolve_learning_rate(t, objective.type, adapter, decisions)
    warmup = resolve_warmup(t, decisions)
    countable = can_count_steps(objective, data, hardware, packing=bool(t.packing))
    precision = resolve_precision(t, hardware, decisions)
    drops_packs = data.validates and bool(t.packing) and attention in backend.drops_packs_under
    return TrainingPlan(
        epochs=_resolve_epochs(t, decisions),
        steps=pick("training.steps", t.steps, None, "set by epochs"),
        sequence_length=sequences.longest,
        overlong=pick("training.overlong", t.overlong, "drop", "truncated examples do not teach where to stop"),
        packing=pick("training.packing", t.packing, False, "changes the effective batch"),
        batch_size=batch.size,
        micro_batch_size=batch.micro_batch_size,
        gradient_accumulation=batch.gradient_accumulation,
        evaluation_micro_batch_size=_resolve_evaluation_micro_batch(batch.micro_batch_size, drops_packs, decisions),
        pack_length=sequences.pack_length,
        examples_per_step=batch.examples,
        tokens_per_step=batch.tokens,
        learning_rate=learning_rate,
        scheduler=_resolve_scheduler(t, decisions),
        warmup=warmup,
        optimizer=_resolve_optimizer(t, cpu, decisions),
        low_rank=_resolve_low_rank(t, decisions),
        beta1=beta1,
        beta2=beta2,
        epsilon=_resolve_epsilon(t, decisions),
        weight_decay=_resolve_weight_decay(t, objective.type, adapter, decisions),
        max_grad_norm=pick("training.max_grad_norm", t.max_grad_norm, 1.0, "limits the effect of a single batch"),
        precision=precision,
        weights_dtype=pick(
            "training.weights_dtype",
            t.weights_dtype,
            "float32",
            "bfloat16 loses small updates (QR423)",
        ),
        min_learning_rate_ratio=resolve_minimum(t, learning_rate, decisions),
        fp8=pick("training.fp8", t.fp8, False, "computed in bf16"),
        seed=pick("training.seed", t.seed, 42, "any fixed number"),
        data_seed=_resolve_data_seed(t, decisions),
        gradient_checkpointing=pick(
            "training.gradient_checkpointing",
            None if t.gradient_checkpointing is None else bool(t.gradient_checkpointing),
            not cpu,
            "not needed on the CPU" if cpu else "saves most activation memory, and takes about a third longer",
        ),
        offload_activations=decisions.derive_value(
            "training.offload_activations",
            t.gradient_checkpointing == "offload",
            "on with gradient_checkpointing: offload",
            *(("training.gradient_checkpointing",) if t.gradient_checkpointing == "offload" else ()),
        ),
        reentrant_checkpointing=decisions.derive_value(
            "training.reentrant_checkpointing",
            hardware.strategy == "zero3",
            "needed under ZeRO-3 only (QR101)",
            "hardware.strategy",
            origin="hardware",
        ),
        attention=attention,
        liger=resolve_liger(t, objective, facts, method, hardware, decisions),
        cut_cross_entropy=resolve_kernel(t, "cut_cross_entropy", "cut-cross-entropy", decisions),
        lora_kernels=resolve_kernel(t, "lora_kernels", "lora", decisions),
        compile=pick("training.compile", t.compile, False, "compilation takes minutes and fails with some kernels"),
        neftune=pick("training.neftune", t.neftune, None, "no noise"),
        early_stopping=pick("training.early_stopping", t.early_stopping, None, "no early stopping"),
        evaluate_every=evaluate_every,
        save_every=resolve_save_interval(t, evaluate_every, decisions),
        keep_checkpoints=pick("training.keep_checkpoints", t.keep_checkpoints, 2, "the latest and one to fall back on"),
        log_every=pick(
            "training.log_every", t.log_every, 1 if (t.steps or 1000) <= 200 else 10, "a few hundred points per curve"
        ),
        decay=resolve_decay(t, warmup, decisions, countable=countable),
        save_optimizer=pick("training.save_optimizer", t.save_optimizer, True, "needed to resume"),
        dataloader_workers=pick("training.dataloader_workers", t.dataloader_workers, None, "the framework's default"),
        tf32=resolve_tf32(t, hardware, precision, decisions),
    )


def resolve_sequence_length(t: Training, max_positions: int, decisions: PlanDecisions) -> int:
    """Longest example in tokens."""
    default = min(2048, max_positions, t.pack_length or max_positions)
    return decisions.choose_value(
        "training.sequence_length", t.sequence_length, default, "long enough for most chat data"
    )


def _resolve_evaluation_micro_batch(micro_batch_size: int, drops_packs: bool, decisions: PlanDecisions) -> int:
    """Packs are evaluated one at a time where the framework would leave out those that fill no micro-batch."""
    path = "training.evaluation_micro_batch_size"
    if drops_packs:
        reason = "packs that fill no micro-batch would not be evaluated"
        return decisions.derive_value(path, 1, reason, "training.packing", origin="default")
    fields = ("training.micro_batch_size",)
    return decisions.derive_value(path, micro_batch_size, "same as micro_batch_size", *fields, origin="default")


def _resolve_epochs(t: Training, decisions: PlanDecisions) -> float | None:
    if t.steps:
        return decisions.derive_value("training.epochs", None, "set by steps", "training.steps")
    return decisions.choose_value("training.epochs", t.epochs, 3, "more overfits on most data (QR404)")


def _record_betas(t: Training, decisions: PlanDecisions) -> None:
    for index, name in enumerate(("beta1", "beta2")):
        asked = t.betas[index] if t.betas else None
        decisions.choose_value(
            f"training.{name}", asked, 0.0, "PyTorch's default; frameworks differ", field="training.betas"
        )


def _resolve_optimizer(t: Training, cpu: bool, decisions: PlanDecisions) -> str:
    default = "adamw_torch" if cpu else "adamw_torch_fused"
    return decisions.choose_value("training.optimizer", t.optimizer, default, "AdamW, fused on a GPU", "hardware")


def _resolve_scheduler(t: Training, decisions: PlanDecisions) -> str:
    default, why = "cosine", "decays to near zero over any run length"
    if t.optimizer == SCHEDULE_FREE:
        default, why = "constant", "the optimizer averages weights in place of a schedule, and warms up itself"
    return decisions.choose_value("training.scheduler", t.scheduler, default, why)


def _resolve_epsilon(t: Training, decisions: PlanDecisions) -> float:
    default, why = 1e-8, "PyTorch's default"
    if t.optimizer in LOW_RANK_OPTIMIZERS:
        default, why = 1e-6, "the default of GaLore and APOLLO; transformers gives them no other"
    return decisions.choose_value("training.epsilon", t.epsilon, default, why)


def _resolve_weight_decay(t: Training, objective: str, adapter: bool, decisions: PlanDecisions) -> float:
    default, why = (0.01, "little for an adapter") if adapter else (0.1, "Qwen's value for full fine-tuning")
    if t.optimizer == "muon" and (not adapter or objective == "reward"):
        default, why = 0.0, "LLaMA-Factory's Muon would decay norms and biases too"
    if t.optimizer in LOW_RANK_OPTIMIZERS:
        default, why = 0.0, "the default of GaLore and APOLLO; transformers gives them no other"
    return decisions.choose_value("training.weight_decay", t.weight_decay, default, why)


DEFAULT_LOW_RANK_SCALES = {"apollo_adamw": 1.0}
"""Scale where it is not GaLore's 0.25: APOLLO's, for gradients scaled by channels."""


def _resolve_low_rank(t: Training, decisions: PlanDecisions) -> LowRankPlan:
    low, kind = t.low_rank or LowRank.make_empty(), t.optimizer or ""
    return LowRankPlan(
        rank=decisions.choose_value("training.low_rank.rank", low.rank, 128, "GaLore's default"),
        update_interval=decisions.choose_value(
            "training.low_rank.update_interval", low.update_interval, 200, "GaLore's default"
        ),
        scale=decisions.choose_value(
            "training.low_rank.scale",
            low.scale,
            DEFAULT_LOW_RANK_SCALES.get(kind, 0.25),
            "the default of GaLore or APOLLO",
        ),
    )


def _resolve_data_seed(t: Training, decisions: PlanDecisions) -> int:
    seed = 42 if t.seed is None else t.seed
    if t.data_seed is None and t.seed is not None:
        return decisions.derive_value("training.data_seed", seed, "same as seed", "training.seed")
    return decisions.choose_value("training.data_seed", t.data_seed, seed, "same as seed")
