"""The table of checks of one probe: the comparison, with what a CPU can't show set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.verify.trainer_comparison import TrainerCheck, compare_trainer
from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeJob


def check_trainer(plan: Plan, job: ProbeJob, observation: Mapping[str, Any], folder: Path) -> list[TrainerCheck]:
    """A check for each field: `plan` is the recipe's own, `folder` the recipe's.

    What was set aside for the CPU is `not seen`, whatever stands there, with the value that the recipe plans.
    """
    checks = [_apply_notes(check, plan, job) for check in compare_trainer(job.plan, observation, folder)]
    listed = {check.field for check in checks}
    return checks + [_make_unseen(plan, field, why) for field, why in job.set_aside.items() if field not in listed]


def _apply_notes(check: TrainerCheck, plan: Plan, job: ProbeJob) -> TrainerCheck:
    if check.field in job.set_aside:
        return _make_unseen(plan, check.field, job.set_aside[check.field])
    if check.field in job.notes and check.result != "not seen":
        return replace(check, reason=f"{check.reason} ({job.notes[check.field]})")
    return check


def _make_unseen(plan: Plan, field: str, reason: str) -> TrainerCheck:
    planned = reduce(getattr, field.split("."), plan)
    return TrainerCheck(field, planned, None, "not seen", f"not seen on a CPU: {reason}")
