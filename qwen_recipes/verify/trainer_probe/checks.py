"""The table of checks of one probe: the comparison, with what the probe can't show set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path

from qwen_recipes.backends.plan import Plan
from qwen_recipes.verify.trainer_comparison import TrainerCheck, compare_trainer
from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeJob

PLACED = {
    "model.id": "",
    "model.local": "",
    "model.revision": "",
    "method.start_from": "",
    "output.dir": "in a temporary folder of the probe",
}
"""Fields that a probe puts elsewhere than the recipe, with a note: a table shows the recipe's own value where the value
itself is not compared."""


def check_trainer(plan: Plan, job: ProbeJob, observation: Mapping[str, object], folder: Path) -> list[TrainerCheck]:
    """A check for each field: `plan` is the recipe's own, `folder` the recipe's.

    What was set aside is `not seen`, whatever stands there, with the value that the recipe plans.
    """
    checks = [_apply_notes(check, plan, job) for check in compare_trainer(job.plan, observation, folder)]
    listed = {check.field for check in checks}
    return checks + [_make_unseen(plan, field, job) for field in job.set_aside if field not in listed]


def _apply_notes(check: TrainerCheck, plan: Plan, job: ProbeJob) -> TrainerCheck:
    if check.field in job.set_aside:
        return _make_unseen(plan, check.field, job)
    note = job.notes.get(check.field) or PLACED.get(check.field)
    reason = f"{check.reason} ({note})" if note else check.reason
    if check.field in PLACED and check.result == "not seen":
        return replace(check, planned=_read_planned(plan, check.field), reason=reason)
    return replace(check, reason=reason)


def _read_planned(plan: Plan, field: str) -> object:
    return reduce(getattr, field.split("."), plan)


def _make_unseen(plan: Plan, field: str, job: ProbeJob) -> TrainerCheck:
    device = "CPU" if job.plan.hardware.device == "cpu" else "GPU"
    reason = f"not seen on a {device}: {job.set_aside[field]}"
    return TrainerCheck(field, _read_planned(plan, field), None, "not seen", reason)
