"""The loss: its kind, its numbers, and what the trained model is compared with."""

from __future__ import annotations

from typing import Any

from qwen_recipes.recipe.objective_formats import OBJECTIVES_BY_FIELD
from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, Look, NotSeen, Seen, SeenLeaf, UnseenLeaf
from qwen_recipes.verify.trainer_comparison.place import OUR_MODULES

LOSSES = {"orpo": "orpo", "simpo": "simpo"}
SFT_LOSS = "sft"
START, BASE = "the model as training finds it", "the model without the adapter that it starts from"


def find_setting(case: Case, *names: str) -> Any:
    """The first of these that the trainer itself holds, else that its arguments hold."""
    held = [
        source[name] for source in (case.settings, case.arguments) for name in names if source.get(name) is not None
    ]
    return held[0] if held else None


def look_at_type(case: Case) -> Seen | NotSeen:
    """The trainer's class."""
    objective, trainer = case.plan.objective, case.section("trainer")
    names = [
        name for name in (trainer["class"], *trainer.get("bases", ())) if name.partition(".")[0] not in OUR_MODULES
    ]
    seen = names[0].rpartition(".")[2]
    planned = case.verification.name_trainer_class(case.plan)
    if planned is None:
        return NotSeen(f"{case.plan.backend}'s trainer of {objective.type} is not known here")
    return Seen(planned, seen)


def look_at_loss(case: Case) -> Seen | NotSeen:
    """DPO's loss; a DPO trainer may hold SimPO's too."""
    objective = case.plan.objective
    if objective.type not in ("dpo", "simpo"):
        return NotSeen(f"{objective.type} has one loss")
    found = find_setting(case, "loss_types", "loss_type")
    kinds = [kind for kind in ([found] if isinstance(found, str) else found or []) if kind != SFT_LOSS]
    return Seen([LOSSES.get(objective.type, objective.loss)], kinds)


def look_at_beta(case: Case) -> Seen | NotSeen:
    """How closely the model is held to its reference, or the weight of the preference."""
    objective = case.plan.objective
    if objective.type not in OBJECTIVES_BY_FIELD["beta"]:
        return NotSeen(f"{objective.type} has no beta")
    return Seen(objective.beta, find_setting(case, "beta"))


def look_at_setting(field: str, types: tuple[str, ...], *names: str) -> Look:
    """A look at a number of the trainer's, which these objectives read."""

    def look(case: Case) -> Seen | NotSeen:
        objective = case.plan.objective
        if objective.type not in types:
            return NotSeen(f"only {' and '.join(types)} reads it")
        return Seen(getattr(objective, field), find_setting(case, *names))

    return look


def look_at_smoothing(case: Case) -> Seen | NotSeen:
    """DPO's label smoothing; other objectives have none, of labels neither."""
    objective = case.plan.objective
    if objective.type == "dpo":
        return Seen(objective.label_smoothing, find_setting(case, "label_smoothing"))
    return Seen(0.0, case.arguments.get("label_smoothing_factor", 0.0))


def look_at_sft_weight(case: Case) -> Seen | NotSeen:
    """The weight of the next-token loss beside the preference's."""
    objective = case.plan.objective
    if objective.type not in ("dpo", "simpo"):
        return NotSeen("only dpo and simpo read it")
    return Seen(objective.sft_weight, _read_sft_weight(case))


def _read_sft_weight(case: Case) -> Any:
    kinds, weights = find_setting(case, "loss_types", "loss_type"), find_setting(case, "loss_weights")
    if isinstance(kinds, list) and SFT_LOSS in kinds:
        return weights[kinds.index(SFT_LOSS)] if weights else 1.0
    for name in ("cpo_alpha", "ftx_gamma", "rpo_alpha"):
        if case.settings.get(name):
            return case.settings[name]
    return 0.0


def look_at_reference(case: Case) -> Seen | NotSeen:
    """The reference is the model as training finds it, or its base; losses without one have none."""
    objective, found = case.plan.objective, case.section("reference")
    if not _is_compared(case):
        return Seen("no reference", "no reference" if found["kind"] == "none" else f"a reference: {found['kind']}")
    from_base = objective.reference == "base" and case.plan.method.start_from is not None
    planned = BASE if from_base else START
    if found["kind"] == "none":
        return Seen(planned, "no reference")
    if from_base and (found["kind"] == "base" or (found["kind"] == "model" and found.get("adapters") == {})):
        return Seen(planned, BASE)
    if found.get("largest_difference") is None:
        return NotSeen("the observation does not hold how far the reference is from the start")
    off = found["largest_difference"]
    return Seen(planned, START if off == 0 else f"{found['kind']}, off by up to {off:.3g}")


def _is_compared(case: Case) -> bool:
    """Whether the loss takes a reference: a model that is anchored has one, and no beta."""
    objective = case.plan.objective
    return objective.compares and (objective.kl_weight is not None or objective.beta != 0)


def look_at_chosen_reference(case: Case) -> Seen | NotSeen:
    """Which of the two it is, where an adapter is continued: else they are the same."""
    if not _is_compared(case):
        return NotSeen(f"{case.plan.objective.type} compares with no reference")
    if case.plan.method.start_from is None:
        return NotSeen("without an adapter to continue from, start and base are the same")
    return look_at_reference(case)


def look_at_vllm(case: Case) -> Seen | NotSeen:
    """Whether vLLM samples; which way it is run shows on a GPU."""
    if case.plan.objective.type != "grpo":
        return NotSeen("only grpo samples answers")
    if case.plan.objective.vllm != "none":
        return NotSeen("vLLM needs a GPU")
    return Seen("none", case.arguments["vllm_mode"] if case.arguments.get("use_vllm") else "none")


def look_at_top_k(case: Case) -> Seen | NotSeen:
    """How many tokens are sampled from; 0, None and ms-swift's -1 are all."""
    if case.plan.objective.type != "grpo":
        return NotSeen("only grpo samples answers")
    seen = find_setting(case, "top_k")
    return Seen(case.plan.objective.top_k, 0 if seen in (None, -1) else seen)


def look_at_kl_weight(case: Case) -> Seen | NotSeen:
    """ms-swift's `sft_alpha` is the inverse: its loss is the divergence plus that many next-token losses."""
    weight = case.plan.objective.kl_weight
    if weight is None:
        return NotSeen("no divergence is added to the loss")
    alpha = find_setting(case, "sft_alpha")
    return Seen(weight, 1 / alpha if alpha else None)


def look_at_rewards(field: str) -> Look:
    """A look at the reward functions, whose own names a wrapper hides: their number and weights."""

    def look(case: Case) -> Seen | NotSeen:
        planned = case.plan.objective.rewards
        if not planned:
            return NotSeen("only grpo has reward functions")
        found = case.section("trainer")["rewards"] or {}
        if field == "weight":
            return Seen([reward.weight for reward in planned], found.get("weights"))
        return Seen(len(planned), len(found.get("functions") or []), "their number; wrappers hide their names")

    return look


VLLM = UnseenLeaf("vLLM needs a GPU", "tests/conformance/test_parsers.py; at the trainer only on a GPU")
GRPO = ("grpo",)
OBJECTIVE: dict[str, Leaf] = {
    "objective.type": SeenLeaf("the trainer's class", look_at_type),
    "objective.loss": SeenLeaf("the trainer's loss", look_at_loss),
    "objective.beta": SeenLeaf("the trainer's beta", look_at_beta),
    "objective.gamma": SeenLeaf("the trainer's margin", look_at_setting("gamma", ("simpo",), "simpo_gamma")),
    "objective.label_smoothing": SeenLeaf("the trainer's smoothing", look_at_smoothing),
    "objective.sft_weight": SeenLeaf("the trainer's weights of losses", look_at_sft_weight),
    "objective.desirable_weight": SeenLeaf(
        "the trainer's weights", look_at_setting("desirable_weight", ("kto",), "desirable_weight")
    ),
    "objective.undesirable_weight": SeenLeaf(
        "the trainer's weights", look_at_setting("undesirable_weight", ("kto",), "undesirable_weight")
    ),
    "objective.reference": SeenLeaf("the reference's weights beside the trained model's", look_at_chosen_reference),
    "objective.kl_weight": SeenLeaf("the trainer's weights", look_at_kl_weight),
    "objective.rewards[].path": SeenLeaf("the trainer's reward functions", look_at_rewards("path")),
    "objective.rewards[].function": SeenLeaf("the trainer's reward functions", look_at_rewards("function")),
    "objective.rewards[].weight": SeenLeaf("the trainer's reward weights", look_at_rewards("weight")),
    "objective.generations": SeenLeaf("the trainer's number", look_at_setting("generations", GRPO, "num_generations")),
    "objective.max_completion_length": SeenLeaf(
        "the trainer's length", look_at_setting("max_completion_length", GRPO, "max_completion_length")
    ),
    "objective.temperature": SeenLeaf("the trainer's temperature", look_at_setting("temperature", GRPO, "temperature")),
    "objective.top_p": SeenLeaf("the trainer's sampling", look_at_setting("top_p", GRPO, "top_p")),
    "objective.top_k": SeenLeaf("the trainer's sampling", look_at_top_k),
    "objective.vllm": SeenLeaf("arguments.use_vllm", look_at_vllm),
    **{f"objective.{name}": VLLM for name in ("vllm_memory", "vllm_host", "vllm_port")},
    "objective.epsilon": SeenLeaf("the trainer's clipping", look_at_setting("epsilon", GRPO, "epsilon_low", "epsilon")),
}
