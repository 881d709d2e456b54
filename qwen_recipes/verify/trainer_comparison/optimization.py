"""Optimizer, rates and decay: its class, and what each group of tensors is trained with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from qwen_recipes.recipe.interval_checks import SCHEDULERS_WITH_MINIMUM
from qwen_recipes.verify.trainer_comparison.check import Case, Look, NotSeen, Seen, values_equal
from qwen_recipes.verify.trainer_comparison.learning_rates import count_warmup_steps, plan_rate

CLASSES = {
    "adamw_torch": "AdamW",
    "adamw_torch_fused": "AdamW",
    "adamw_8bit": "AdamW8bit",
    "paged_adamw_8bit": "PagedAdamW8bit",
    "paged_adamw_32bit": "PagedAdamW",
    "adafactor": "Adafactor",
    "lion_8bit": "Lion8bit",
    "lion_32bit": "Lion",
    "ademamix": "AdEMAMix",
    "schedule_free_adamw": "AdamWScheduleFree",
    "sgd": "SGD",
    "muon": "Muon",
    "galore_adamw": "GaLoreAdamW",
    "apollo_adamw": "APOLLOAdamW",
}
"""An optimizer's class; bitsandbytes' with its bits and whether it is paged (see `name_optimizer`)."""
WITHOUT_BETAS = ("adafactor", "sgd")
WITHOUT_EPSILON = ("sgd", "lion_8bit", "lion_32bit", "adafactor")
UNDECAYED = re.compile(r"(?:^|[._])(?:bias|layernorm|rmsnorm|norm)(?:$|[._])")
"""transformers' rule: biases and norms are not decayed."""
FASTER = re.compile(r"\.lora_(?:B|magnitude_vector)\.|v_head\..*bias$")
"""LoRA+ in PEFT, and in all three frameworks: B, and weights of one dimension, as the bias of a head that scores."""


def name_optimizer(optimizer: Mapping[str, Any]) -> str:
    """The class's name, with what bitsandbytes keeps apart from it: `PagedAdamW8bit`."""
    name, options = optimizer["class"].rpartition(".")[2], optimizer.get("settings", {})
    if not optimizer["class"].startswith("bitsandbytes.") or name.endswith("8bit"):
        return str(name)
    paged = "Paged" if options.get("is_paged") and not name.startswith("Paged") else ""
    return f"{paged}{name}{'8bit' if options.get('optim_bits') == 8 else ''}"


def look_at_optimizer(case: Case) -> Seen | NotSeen:
    """The optimizer's class."""
    found = case.section("optimizer")
    if found["class"].startswith("bitsandbytes.") and "optim_bits" not in found.get("settings", {}):
        return NotSeen("the number of bits of bitsandbytes' optimizer was not observed")
    seen = name_optimizer(found)
    fused = any(group["options"].get("fused") for group in found["groups"])
    if case.plan.training.optimizer == "adamw_torch_fused" and seen == "AdamW":
        return Seen("AdamW, fused", f"AdamW, {'fused' if fused else 'not fused'}")
    return Seen(CLASSES[case.plan.training.optimizer], seen)


def list_groups(case: Case) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each trained tensor and the options of the group that holds it."""
    for group in case.section("optimizer")["groups"]:
        for name in group["names"]:
            yield name, group["options"]


def look_at_groups(case: Case) -> Seen | NotSeen:
    """Whether every trainable tensor is in one group, and no frozen one in any."""
    found = case.section("optimizer")
    wrong = {kind: len(found[kind]) for kind in ("in_none", "in_several", "frozen") if found[kind]}
    example = next((found[kind][0] for kind in wrong), "")
    return Seen("each trainable tensor in one group", f"{wrong}, as {example}" if wrong else _ALL_ONCE)


_ALL_ONCE = "each trainable tensor in one group"


def look_at_rate(case: Case) -> Seen | NotSeen:
    """The peak rate of every tensor; LoRA+ multiplies that of B, and of what stands beside it in DoRA."""
    training, ratio = case.plan.training, case.plan.method.lora_plus or 1.0
    wrong = {}
    for name, options in list_groups(case):
        planned = training.learning_rate * (ratio if FASTER.search(name) else 1.0)
        seen = options.get("initial_lr", options.get("lr"))
        if not values_equal(planned, seen):
            wrong[f"{seen} for {name}"] = planned
    return _all_or(training.learning_rate, wrong)


def _all_or(planned: object, wrong: Mapping[str, object]) -> Seen:
    """The planned value where no tensor has another, else the first that has, and how many there are."""
    if not wrong:
        return Seen(planned, planned)
    first, expected = next(iter(wrong.items()))
    return Seen(expected, f"{first} ({len(wrong)} tensors)")


def look_at_decay(case: Case) -> Seen | NotSeen:
    """The weight decay of every tensor: none of norms and biases."""
    wrong = {}
    for name, options in list_groups(case):
        planned = 0.0 if UNDECAYED.search(name) else case.plan.training.weight_decay
        seen = options.get("weight_decay", options.get("wd"))
        if not values_equal(planned, seen):
            wrong[f"{seen} for {name}"] = planned
    return _all_or(case.plan.training.weight_decay, wrong)


def look_at_beta(index: int) -> Look:
    """A look at one of Adam's decay rates in every group."""

    def look(case: Case) -> Seen | NotSeen:
        training = case.plan.training
        if training.optimizer in WITHOUT_BETAS:
            return NotSeen(f"{training.optimizer} has no betas")
        planned = (training.beta1, training.beta2)[index]
        seen = {_read_betas(options)[index] for _, options in list_groups(case)}
        return Seen([planned], sorted(seen, key=str))

    return look


def _read_betas(options: Mapping[str, Any]) -> list[Any]:
    found = options.get("betas") or options.get("adamw_betas") or [None, None]
    return list(found)


def look_at_epsilon(case: Case) -> Seen | NotSeen:
    """Adam's epsilon in every group."""
    training = case.plan.training
    if training.optimizer in WITHOUT_EPSILON:
        return NotSeen(f"{training.optimizer} has no epsilon")
    seen = {options.get("eps", options.get("adamw_eps")) for _, options in list_groups(case)}
    return Seen([training.epsilon], sorted(seen, key=str))


def look_at_warmup(case: Case) -> Seen | NotSeen:
    """Warmup in steps."""
    steps = case.section("steps")
    training = case.plan.training
    if training.scheduler == "constant" and training.optimizer != "schedule_free_adamw":
        return NotSeen("`constant` has no warmup")
    return Seen(count_warmup_steps(case.plan, steps["total"]), steps["warmup"])


def look_at_schedule(case: Case) -> Seen | NotSeen:
    """The rate at some steps, as a share of the peak."""
    found, total = case.section("scheduler"), case.section("steps")["total"]
    base = next((rate for rate in found.get("base") or [] if rate), None)
    if not found["rates"] or base is None:
        return NotSeen("the schedule is too long to be followed, or keeps no base rate")
    group = found["base"].index(base)
    seen = {int(step): rates[group] / base for step, rates in found["rates"].items()}
    planned = {step: plan_rate(case.plan, step, total) for step in seen}
    same = all(abs(planned[step] - seen[step]) < 1e-6 for step in seen)
    return Seen(_round(planned), _round(planned if same else seen))


def _round(rates: Mapping[int, float]) -> dict[str, float]:
    return {str(step): round(rate, 6) for step, rate in rates.items()}


def look_at_gradient_norm(case: Case) -> Seen | NotSeen:
    """The norm that gradients are clipped to.

    Anchored SFT is told as the divergence plus `1 / kl_weight` next-token losses: its gradients are that much larger.
    """
    scale = 1 / (case.plan.objective.kl_weight or 1.0)
    return Seen(case.plan.training.max_grad_norm * scale, case.arguments.get("max_grad_norm"))


def look_at_least_rate(case: Case) -> Seen | NotSeen:
    """Where `cosine_with_min_lr` and `warmup_stable_decay` end."""
    if case.plan.training.scheduler not in SCHEDULERS_WITH_MINIMUM:
        return NotSeen("only `cosine_with_min_lr` and `warmup_stable_decay` end above 0 by it")
    return look_at_schedule(case)


def look_at_last_part(case: Case) -> Seen | NotSeen:
    """How long the last part of `warmup_stable_decay` is, by its rates."""
    if case.plan.training.scheduler != "warmup_stable_decay":
        return NotSeen("only `warmup_stable_decay` has a last part")
    return look_at_schedule(case)
