"""What a framework has to resolve a plan to, under the names of `parsers/common_arguments.py`."""

from __future__ import annotations

import dataclasses
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS


def expected(plan: Plan, backend: str) -> dict[str, Any]:
    """What a framework has to resolve a plan to."""
    parts = (optimisation, optimised, placed, adapted, said)
    return {key: value for part in parts for key, value in part(plan, backend).items()}


def optimisation(plan: Plan, backend: str) -> dict[str, Any]:
    """Numbers of the optimiser and its schedule."""
    t, anchor = plan.training, plan.objective.kl_weight
    values: dict[str, Any] = {
        "learning_rate": t.learning_rate,
        "scheduler": t.scheduler,
        "min_learning_rate": t.min_learning_rate_ratio if t.scheduler == "cosine_with_min_lr" else None,
        "adam_beta1": t.beta1,
        "adam_beta2": t.beta2,
        "adam_epsilon": t.epsilon,
        "weight_decay": t.weight_decay,
        "max_grad_norm": t.max_grad_norm / (anchor or 1.0),
        "optimizer": t.optimizer,
        "low_rank": [t.low_rank.rank, t.low_rank.update_interval, t.low_rank.scale]
        if t.optimizer in LOW_RANK_OPTIMIZERS
        else None,
        "micro_batch_size": t.micro_batch_size,
        "gradient_accumulation": t.gradient_accumulation,
        "effective_batch_size": t.batch_size,
        "packing": t.packing,
        "precision": t.precision,
        "seed": t.seed,
        "data_seed": None if backend == "axolotl" else t.data_seed,
        "max_steps": t.steps,
        "neftune": t.neftune,
        "attention": t.attention,
        "liger": t.liger,
        "cut_cross_entropy": t.cut_cross_entropy,
        "fp8": t.fp8,
        "compile": t.compile,
        "offload_activations": t.offload_activations,
        "streaming": plan.data.streaming,
    }
    return values if t.steps else {**values, "epochs": t.epochs}


def optimised(plan: Plan, backend: str) -> dict[str, Any]:
    """The objective: fields that it has no use for are None. Plain text whose ids and labels we make is SFT."""
    o = plan.objective
    own: dict[str, tuple[str, ...]] = {
        "sft": ("kl_weight",),
        "dpo": ("beta", "loss", "label_smoothing", "sft_weight"),
        "orpo": ("beta",),
        "simpo": ("beta", "gamma", "sft_weight"),
        "kto": ("beta", "desirable_weight", "undesirable_weight"),
        "grpo": (
            *("beta", "rewards", "generations", "max_completion_length", "temperature", "epsilon"),
            *("top_p", "top_k", "vllm"),
        ),
    }
    names = [field.name for field in dataclasses.fields(o) if field.name != "type"]
    values = {name: getattr(o, name) if name in own.get(o.type, ()) else None for name in names}
    if o.type == "grpo":
        values["rewards"] = [[reward.function, reward.weight] for reward in o.rewards]
    exact = plan.chat.exact and backend in ("axolotl", "llamafactory")
    made_by_us = o.type == "pretrain" and (exact or backend == "trl")
    return {"objective": "sft" if made_by_us else o.type, **values}


def placed(plan: Plan, backend: str) -> dict[str, Any]:
    """How the work is spread, and how the base is stored."""
    h, q = plan.hardware, plan.quantization
    values = {
        "world_size": h.world,
        "tensor_parallel": h.tensor_parallel,
        "context_parallel": h.context_parallel,
        "deepspeed_stage": {"zero1": 1, "zero2": 2, "zero3": 3}.get(h.strategy),
        "fsdp": h.fsdp,
        "fsdp_version": {"fsdp": 2, "fsdp1": 1}.get(h.strategy),
        "quantization_bits": q.bits,
        "quantization_type": q.type if q.bits == 4 else None,
        "quantization_double": q.double if q.bits == 4 else None,
    }
    words = {"bf16": "bfloat16", "uint8": "uint8"}
    if q.bits == 4 and backend != "llamafactory":
        values["quantization_storage"] = words[q.storage]
    return values


def adapted(plan: Plan, backend: str) -> dict[str, Any]:
    """The adapter, or the layers that are trained where others are frozen."""
    m = plan.method
    if not m.adapter:
        frozen = {"trained_layers": list(m.layer_numbers), "trained_outside": False}
        return frozen if m.type == "freeze" else {"trained_layers": None, "rank": None}
    return {
        "rank": m.rank,
        "alpha": m.alpha,
        "dropout": m.dropout,
        "rslora": m.rslora,
        "dora": m.variant == "dora",
        "init": "pissa" if m.variant == "pissa" else True,
        "target_modules": sorted(m.targets),
        "layers": list(m.layer_numbers) or None,
        "modules_to_save": sorted(m.modules_to_save) + scoring_head(plan, backend),
        "lora_plus": m.lora_plus,
        "start_from": m.start_from,
    }


def scoring_head(plan: Plan, backend: str) -> list[str]:
    """ms-swift and TRL name a reward model's head; with Axolotl PEFT adds it by the task (token-parity.md)."""
    heads = {"ms-swift": ["v_head"], "trl": ["score"]}
    return heads.get(backend, []) if plan.objective.type == "reward" else []


def said(plan: Plan, backend: str) -> dict[str, Any]:
    """Evaluation, checkpoints, log and what is pushed."""
    t, o = plan.training, plan.output
    return {
        "output_dir": o.dir,
        "report_to": [] if plan.tracking.to == "none" else [plan.tracking.to],
        "save_total_limit": t.keep_checkpoints,
        "logging_steps": t.log_every,
        **saving(plan, backend),
        "eval_strategy": {"never": "no", "epoch": "epoch"}.get(str(t.evaluate_every), "steps"),
        "eval_steps": None if t.evaluate_every in ("epoch", "never") else t.evaluate_every,
        "hub": o.hub,
        "hub_private": o.hub_private if o.hub else None,
    }


def saving(plan: Plan, backend: str) -> dict[str, Any]:
    """When checkpoints are written. `never`, ms-swift saves once, after the last step: without it, no weights."""
    every = plan.training.save_every
    if every == "never":
        return {"save_strategy": "steps", "save_steps": 10**9} if backend == "ms-swift" else {"save_strategy": "no"}
    return {"save_strategy": "epoch"} if every == "epoch" else {"save_strategy": "steps", "save_steps": every}


def warmup_at(plan: Plan, steps: int, backend: str) -> int:
    """Steps of warmup in a run of this length. A share is rounded up, by Axolotl down (token-parity.md)."""
    import math

    warmup = plan.training.warmup
    if warmup.steps is not None:
        return warmup.steps
    share = (warmup.ratio or 0.0) * steps
    return int(share) if backend == "axolotl" else math.ceil(share)


def max_length(plan: Plan, backend: str) -> int | None:
    """The one length that a framework is told: of a pack where rows are packed. ms-swift has a key for each.

    LLaMA-Factory keeps one token of a pack back: documented in docs/research/token-parity.md.

    TRL's GRPO has no such key: prompts that are too long are left out before.
    """
    if backend == "trl" and plan.objective.type == "grpo":
        return None
    t = plan.training
    length = t.pack_length if t.packing and backend != "ms-swift" else t.sequence_length
    return length - 1 if backend == "llamafactory" and t.packing else length
