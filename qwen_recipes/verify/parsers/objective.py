"""What a framework optimises, under the recipe's names; None for what the objective has no use for."""

from __future__ import annotations

from typing import Any

from .resolved import Arguments

NAMES = (
    "beta",
    "loss",
    "label_smoothing",
    "gamma",
    "sft_weight",
    "desirable_weight",
    "undesirable_weight",
    "kl_weight",
)


def plain(kind: str, **values: Any) -> Arguments:
    """An objective with these values and no others."""
    return {"objective": kind, **dict.fromkeys(NAMES), **values}


def of_trl(kind: str, args: Any) -> Arguments:
    """Fields of the config that TRL has for an objective: DPOConfig, CPOConfig (SimPO), ORPOConfig, KTOConfig."""
    if kind == "dpo":
        loss, weight = mixture(args.loss_type, args.loss_weights)
        return plain(kind, beta=args.beta, loss=loss, label_smoothing=args.label_smoothing, sft_weight=weight)
    if kind == "simpo":
        assert args.loss_type == "simpo", args.loss_type
        return plain(kind, beta=args.beta, gamma=args.simpo_gamma, sft_weight=args.cpo_alpha)
    if kind == "kto":
        weights = {"desirable_weight": args.desirable_weight, "undesirable_weight": args.undesirable_weight}
        return plain(kind, beta=args.beta, **weights)
    return plain(kind, beta=args.beta) if kind == "orpo" else plain(kind)


def mixture(losses: list[str] | str, weights: list[float] | None) -> tuple[str, float]:
    """The preference loss, whose weight is 1, and the weight of the next-token loss beside it."""
    names = [losses] if isinstance(losses, str) else list(losses)
    shares = dict(zip(names, weights or [1.0] * len(names), strict=True))
    weight = shares.pop("sft", 0.0)
    (name,) = shares
    return name, weight / shares[name]
