"""What a framework optimises, under the recipe's names; None for what the objective has no use for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .common_arguments import Arguments

OBJECTIVE_FIELDS = (
    "beta",
    "loss",
    "label_smoothing",
    "gamma",
    "sft_weight",
    "desirable_weight",
    "undesirable_weight",
    "kl_weight",
    "rewards",
    "generations",
    "max_completion_length",
    "temperature",
    "epsilon",
)


def make_objective(kind: str, **values: Any) -> Arguments:
    """An objective with these values and no others."""
    return {"objective": kind, **dict.fromkeys(OBJECTIVE_FIELDS), **values}


def read_trl_objective(kind: str, args: Any, functions: Sequence[str] = ()) -> Arguments:
    """Fields of TRL's config of an objective: DPOConfig, CPOConfig (SimPO), ORPOConfig, KTOConfig, GRPOConfig.

    `functions` are the names of GRPO's rewards.
    """
    if kind == "grpo":
        return read_grpo_objective(args, functions)
    if kind == "dpo":
        loss, weight = split_loss_mixture(args.loss_type, args.loss_weights)
        return make_objective(kind, beta=args.beta, loss=loss, label_smoothing=args.label_smoothing, sft_weight=weight)
    if kind == "simpo":
        assert args.loss_type == "simpo", args.loss_type
        return make_objective(kind, beta=args.beta, gamma=args.simpo_gamma, sft_weight=args.cpo_alpha)
    if kind == "kto":
        weights = {"desirable_weight": args.desirable_weight, "undesirable_weight": args.undesirable_weight}
        return make_objective(kind, beta=args.beta, **weights)
    return make_objective(kind, beta=args.beta) if kind == "orpo" else make_objective(kind)


def read_grpo_objective(args: Any, functions: Sequence[str]) -> Arguments:
    """GRPO's own loss, and whole groups of answers in a batch of generation."""
    fixed = (args.loss_type, args.importance_sampling_level, args.num_iterations)
    assert fixed == ("grpo", "token", 1), fixed
    assert args.scale_rewards == "group", args.scale_rewards
    assert args.generation_batch_size % args.num_generations == 0
    return make_objective(
        "grpo",
        beta=args.beta,
        rewards=[list(pair) for pair in zip(functions, args.reward_weights, strict=True)],
        generations=args.num_generations,
        max_completion_length=args.max_completion_length,
        temperature=args.temperature,
        epsilon=args.epsilon,
        top_p=args.top_p,
        top_k=args.top_k or 0,
        vllm=args.vllm_mode if args.use_vllm else "none",
    )


def split_loss_mixture(losses: list[str] | str, weights: list[float] | None) -> tuple[str, float]:
    """The preference loss, whose weight is 1, and the weight of the next-token loss beside it."""
    names = [losses] if isinstance(losses, str) else list(losses)
    shares = dict(zip(names, weights or [1.0] * len(names), strict=True))
    weight = shares.pop("sft", 0.0)
    (name,) = shares
    return name, weight / shares[name]
