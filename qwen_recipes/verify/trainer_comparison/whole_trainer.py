"""What must hold at every trainer, whatever the recipe: no single leaf of a plan says it."""

from __future__ import annotations

from typing import Any

from qwen_recipes.data.rows.encode import IGNORE_INDEX
from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, NotSeen, Seen, SeenLeaf
from qwen_recipes.verify.trainer_comparison.method import HEADS, list_trainable
from qwen_recipes.verify.trainer_comparison.objective import look_at_reference
from qwen_recipes.verify.trainer_comparison.optimization import look_at_groups


def look_at_head(case: Case) -> Seen | NotSeen:
    """A reward model trains a head that scores, and no other objective has one."""
    names = case.section("weights")["trainable"]
    heads = any(head in name for name in names for head in HEADS)
    return Seen(case.plan.objective.type == "reward", heads)


def look_at_other_dropout(case: Case) -> Seen | NotSeen:
    """No dropout besides the adapter's: Qwen3 has none, in attention neither.

    But for heads of reward models whose own dropout no key of the framework changes.
    """
    found = case.section("modules")["dropout"]
    head = case.verification.reward_head_dropout
    if head and case.plan.objective.type == "reward":
        return Seen(
            [str(head)], sorted(p for p in found["own"] if float(p)), f"the head that scores has {head}, always"
        )
    odd = {place: sorted(held) for place in ("own", "attention") if (held := {p for p in found[place] if float(p)})}
    return Seen({}, odd)


def look_at_reference_dropout(case: Case) -> Seen | NotSeen:
    """A reference model of its own is in evaluation mode and not trained."""
    found = case.section("reference")
    if found["kind"] != "model":
        return NotSeen("the reference is no model of its own")
    return Seen({"training": False}, {"training": found["training"]})


def look_at_number_of_batches(case: Case) -> Seen | NotSeen:
    """An epoch has at least one batch: without one a trainer counts steps and learns nothing."""
    batches = case.section("steps")["batches_per_epoch"]
    if batches is None:
        return NotSeen("rows that are streamed are not counted before the run")
    return Seen("at least one batch", "at least one batch" if batches else "no batch in an epoch")


def look_at_divisor(case: Case) -> Seen | NotSeen:
    """The next-token loss is divided by the tokens in the loss of the whole optimizer step."""
    batches = case.section("batches")
    if not case.plan.objective.next_token or case.plan.objective.kl_weight is not None:
        return NotSeen("losses of pairs, labels and rewards are means over examples")
    if not batches["micro_batches"]:
        return NotSeen("no batch was drawn")
    try:
        planned = sum(_count_labels(batch["values"]["labels"]) for batch in batches["micro_batches"])
    except (KeyError, TypeError):
        return NotSeen("the batches are too large to be observed whole")
    return Seen(planned, batches["items"])


def _count_labels(labels: Any) -> int:
    return sum(label != IGNORE_INDEX for row in labels for label in row[1:])


def look_at_frozen(case: Case) -> Seen | NotSeen:
    """Of a method that trains adapters, nothing else is trained but what the recipe names."""
    method = case.plan.method
    if not method.adapter or method.modules_to_save:
        return NotSeen("the method trains whole weights")
    other = [name for name in list_trainable(case) if "lora_" not in name]
    return Seen([], other[:3])


WHOLE_TRAINER: dict[str, Leaf] = {
    "optimizer: tensors": SeenLeaf("names in the optimizer's groups", look_at_groups),
    "weights: frozen": SeenLeaf("trainable tensors", look_at_frozen),
    "weights: head": SeenLeaf("trainable tensors", look_at_head),
    "reference: weights": SeenLeaf("the reference's weights beside the trained model's", look_at_reference),
    "reference: mode": SeenLeaf("the reference model", look_at_reference_dropout),
    "dropout: other modules": SeenLeaf("dropout modules, attention's too", look_at_other_dropout),
    "batches: number": SeenLeaf("batches of an epoch", look_at_number_of_batches),
    "loss: divisor": SeenLeaf("the number that a step's loss is divided by", look_at_divisor),
}
