"""Packages that a plan needs and that a framework looks for only once it has started."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from qwen_recipes.backends.plan import Plan

OPTIMIZER_PACKAGES = {
    "galore_adamw": ("galore_torch", "galore-torch"),
    "apollo_adamw": ("apollo_torch", "apollo-torch"),
    "schedule_free_adamw": ("schedulefree", "schedulefree"),
}
TRACKER_PACKAGES = {
    "wandb": ("wandb", "wandb"),
    "mlflow": ("mlflow", "mlflow"),
    "swanlab": ("swanlab", "swanlab"),
    "trackio": ("trackio", "trackio"),
}
STRATEGY_PACKAGES = {"megatron": (("megatron.core", "megatron-core"), ("mcore_bridge", "mcore-bridge"))}
"""Module that is imported, and the package that brings it."""

_FIND_SCRIPT = """\
import importlib.util, sys
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        print(name)
"""


def list_needed_packages(plan: Plan) -> dict[str, tuple[str, str]]:
    """For each module that the plan needs beyond its framework: the package, and what in the recipe asks for it."""
    found: dict[str, tuple[str, str]] = {}
    tables: tuple[tuple[str, str, Mapping[str, tuple[str, str]]], ...] = (
        ("optimizer", plan.training.optimizer, OPTIMIZER_PACKAGES),
        ("tracking", plan.tracking.to, TRACKER_PACKAGES),
    )
    for field, value, table in tables:
        if value in table:
            module, package = table[value]
            found[module] = (package, f"{field}: {value}")
    if plan.training.liger:
        found["liger_kernel"] = ("liger-kernel", "kernels: liger (the default; kernels: none does without)")
    for module, package in STRATEGY_PACKAGES.get(plan.hardware.strategy, ()):
        found[module] = (package, f"strategy: {plan.hardware.strategy}")
    return found


def find_missing_packages(plan: Plan, interpreter: Path) -> list[str]:
    """What is not installed under this interpreter, each with how to get it; nothing is imported whole."""
    modules = list_needed_packages(plan)
    if not modules:
        return []
    command = [str(interpreter), "-c", _FIND_SCRIPT, *modules]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=interpreter.parent).stdout
    return [
        f"`{modules[name][1]}` needs the package {modules[name][0]}, which the environment has not: "
        f"{interpreter} -m pip install {modules[name][0]}"
        for name in said.split()
        if name in modules
    ]
