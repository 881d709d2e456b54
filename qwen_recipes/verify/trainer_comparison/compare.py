"""What stands at a trainer against the plan, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.verify.trainer_comparison.check import (
    Case,
    Leaf,
    MissingSectionError,
    NotSeen,
    TrainerCheck,
    UnseenLeaf,
    values_equal,
)
from qwen_recipes.verify.trainer_comparison.leaves import LEAVES
from qwen_recipes.verify.trainer_comparison.whole_trainer import WHOLE_TRAINER


def compare_trainer(plan: Plan, observation: Mapping[str, object], folder: Path = Path()) -> list[TrainerCheck]:
    """A check for each leaf of the plan, and for what holds at every trainer.

    `observation` is what the probe saw of a trainer (see `trainer/observe.py`). `folder` is the recipe's folder: paths
    of rows, templates, models and adapters are relative to it.

    Raises ValueError where the observation is of no trainer: the recipe was refused, or the framework ended before.
    """
    if "trainer" not in observation:
        said = observation.get("refused") or observation.get("error") or "no section `trainer`"
        raise ValueError(f"no trainer was observed: {said}")
    case = Case(plan, observation, folder)
    return [check_leaf(case, field, leaf) for field, leaf in {**LEAVES, **WHOLE_TRAINER}.items()]


def check_leaf(case: Case, field: str, entry: Leaf) -> TrainerCheck:
    """One field at one trainer."""
    planned = read_planned(case.plan, field)
    if isinstance(entry, UnseenLeaf):
        return TrainerCheck(field, planned, None, "not seen", f"{entry.reason}; shown by {entry.shown_by}")
    try:
        found = entry.look(case)
    except MissingSectionError as error:
        return TrainerCheck(field, planned, None, "not seen", str(error))
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, ZeroDivisionError) as error:
        why = f"the observation can't be read at {entry.where}: {type(error).__name__} {error}"
        return TrainerCheck(field, planned, None, "differs", why)
    if isinstance(found, NotSeen):
        return TrainerCheck(field, planned, None, "not seen", found.reason)
    result = "ok" if values_equal(found.planned, found.seen) else "differs"
    where = f"{entry.where}: {found.reason}" if found.reason else entry.where
    return TrainerCheck(field, found.planned, found.seen, "ok" if result == "ok" else "differs", where)


def read_planned(plan: Plan, field: str) -> object:
    """The plan's value at a leaf: a list where `[]` stands for several; None for what is no leaf."""
    found: list[Any] = [plan]
    several = False
    for step in field.split("."):
        name = step.removesuffix("[]")
        if not all(hasattr(one, name) for one in found):
            return None
        found = [getattr(one, name) for one in found]
        if step.endswith("[]"):
            several, found = True, [item for items in found for item in items]
    return found if several else found[0]
