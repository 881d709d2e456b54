"""Packages that a plan needs and that a framework looks for only once it has started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
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
ATTENTION_PACKAGES = {
    "flash_attention_2": ("flash_attn", "flash-attn"),
    "flash_attention_3": ("flash_attn_interface", "flash-attn-3"),
}
EXTRA_PACKAGES = {
    "use_vllm": ("vllm", "vllm"),
    "use_unsloth": ("unsloth", "unsloth"),
    "use_badam": ("badam", "badam"),
    "use_adam_mini": ("adam_mini", "adam-mini"),
    "deepspeed": ("deepspeed", "deepspeed"),
}
"""By native key in `extra`, at the top or one map below."""
STRATEGY_PACKAGES = {"megatron": (("megatron.core", "megatron-core"), ("mcore_bridge", "mcore-bridge"))}
"""Module that is imported, and the package that brings it."""
BITSANDBYTES_OPTIMIZERS = ("8bit", "paged_", "lion_32bit", "ademamix")
"""Parts of the names of optimizers that bitsandbytes brings."""

_FIND_SCRIPT = """\
import importlib.util, sys
for name in sys.argv[1:]:
    found = []
    for module in name.split("|"):
        try:
            found.append(importlib.util.find_spec(module))
        except ModuleNotFoundError:
            pass
    if not any(found):
        print(name)
"""


def list_needed_packages(plan: Plan) -> dict[str, tuple[str, str]]:
    """For each module that the plan needs beyond its framework: the package, and what in the recipe asks for it.

    Modules of which one is enough are written `one|other`.
    """
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
        found["liger_kernel"] = ("liger-kernel", "kernels: liger (the default; disable it with kernels: none)")
    if plan.training.cut_cross_entropy:
        found["cut_cross_entropy"] = ("cut-cross-entropy", "kernels: cut-cross-entropy")
    if plan.training.fp8:
        found["torchao"] = ("torchao", "fp8: true")
    if plan.quantization.bits != 16:
        found["bitsandbytes"] = ("bitsandbytes", f"quantization.bits: {plan.quantization.bits}")
    elif any(part in plan.training.optimizer for part in BITSANDBYTES_OPTIMIZERS):
        found["bitsandbytes"] = ("bitsandbytes", f"optimizer: {plan.training.optimizer}")
    if plan.training.attention in ATTENTION_PACKAGES:
        module, package = ATTENTION_PACKAGES[plan.training.attention]
        found[_add_hub_kernels(plan, module)] = (package, f"attention: {plan.training.attention}")
    if plan.hardware.deepspeed:
        found["deepspeed"] = ("deepspeed", f"strategy: {plan.hardware.strategy}")
    for key in _list_true_keys(plan.extra):
        if key in EXTRA_PACKAGES:
            module, package = EXTRA_PACKAGES[key]
            found[module] = (package, f"extra: {key}")
    for module, package in STRATEGY_PACKAGES.get(plan.hardware.strategy, ()):
        found[module] = (package, f"strategy: {plan.hardware.strategy}")
    return found


def _add_hub_kernels(plan: Plan, module: str) -> str:
    """Some take FlashAttention from the hub by the package `kernels`, unless run.sh is offline."""
    online = not (plan.model.local and plan.output.hub is None) and not os.environ.get("HF_HUB_OFFLINE")
    return f"{module}|kernels" if load_backend(plan.backend).takes_hub_kernels and online else module


def _list_true_keys(extra: Mapping[str, Any]) -> Iterator[str]:
    """Native keys that are switched on or set, at the top or one map below."""
    for key, value in extra.items():
        if value:
            yield key
        if isinstance(value, Mapping):
            yield from (inner for inner, switched in value.items() if switched)


def find_missing_packages(plan: Plan, interpreter: Path) -> list[str]:
    """What is not installed under this interpreter, each with how to get it; nothing is imported whole."""
    modules = list_needed_packages(plan)
    if not modules:
        return []
    command = [str(interpreter), "-I", "-c", _FIND_SCRIPT, *modules]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=interpreter.parent).stdout
    return _describe_missing(said.split(), modules, interpreter)


def read_missing_packages(plan: Plan, site_packages: Path, interpreter: Path) -> list[str]:
    """As `find_missing_packages`, from the files of an environment alone: its Python is not run."""
    modules = list_needed_packages(plan)
    missing = [name for name in modules if not any(_has_module(site_packages, one) for one in name.split("|"))]
    return _describe_missing(missing, modules, interpreter)


def _has_module(site_packages: Path, module: str) -> bool:
    place = site_packages.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file() or any(place.parent.glob(f"{place.name}.*.so"))


def _describe_missing(names: list[str], modules: Mapping[str, tuple[str, str]], interpreter: Path) -> list[str]:
    return [
        f"`{modules[name][1]}` needs the package {modules[name][0]}, which is not installed in the environment: "
        f"{interpreter} -m pip install {modules[name][0]}"
        for name in names
        if name in modules
    ]
