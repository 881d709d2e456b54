"""Packages that a plan needs and that a framework looks for only once it has started."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.flash_attention import (
    FlashUse,
    explain_not_installable,
    find_flash_use,
    format_create_command,
    load_flash_table,
)
from qwen_recipes.backends.plan import Plan
from qwen_recipes.environments.choose_environment import list_installable
from qwen_recipes.environments.installed_packages import read_installed_versions
from qwen_recipes.qwen.hub_download import is_offline

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
HUB_CLIENT = "kernels"
BITSANDBYTES_OPTIMIZERS = ("8bit", "paged_", "lion_32bit", "ademamix")
"""Parts of the names of optimizers that bitsandbytes brings."""

_FIND_SCRIPT = """\
import importlib.metadata, importlib.util, sys
for name in sys.argv[1:]:
    found = []
    for module in name.split("|"):
        try:
            look = importlib.metadata.version if "-" in module else importlib.util.find_spec
            found.append(look(module))
        except ModuleNotFoundError:
            pass
    if not any(found):
        print(name)
"""


def list_needed_packages(plan: Plan) -> dict[str, tuple[str, str]]:
    """For each module that the plan needs beyond its framework: the package, and what in the recipe asks for it.

    Modules of which one is enough are written `one|other`. A name with a hyphen is a distribution's: FlashAttention 2
    and 4 share a folder.
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
    if (use := find_flash_use(load_backend(plan.backend), plan.training.attention)) is not None:
        package = next(iter(use.packages))
        found[_join_alternatives(plan, use)] = (package, f"attention: {plan.training.attention}")
    if plan.hardware.deepspeed:
        found["deepspeed"] = ("deepspeed", f"strategy: {plan.hardware.strategy}")
    for key in _list_true_keys(plan.extra):
        if key in EXTRA_PACKAGES:
            module, package = EXTRA_PACKAGES[key]
            found[module] = (package, f"extra: {key}")
    for module, package in STRATEGY_PACKAGES.get(plan.hardware.strategy, ()):
        found[module] = (package, f"strategy: {plan.hardware.strategy}")
    return found


def _join_alternatives(plan: Plan, use: FlashUse) -> str:
    """The packages of which one is enough; not the client of the hub where run.sh is offline."""
    online = not (plan.model.local and plan.output.hub is None) and not is_offline()
    return "|".join(name for name in use.packages if online or name != HUB_CLIENT)


def _list_true_keys(extra: Mapping[str, object]) -> Iterator[str]:
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
    said = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, cwd=interpreter.parent
    ).stdout
    return _describe_missing(said.split(), modules, plan, interpreter)


def read_missing_packages(plan: Plan, site_packages: Path, interpreter: Path) -> list[str]:
    """As `find_missing_packages`, from the files of an environment alone: its Python is not run."""
    modules = list_needed_packages(plan)
    missing = [name for name in modules if not any(_has_module(site_packages, one) for one in name.split("|"))]
    return _describe_missing(missing, modules, plan, interpreter)


def _has_module(site_packages: Path, module: str) -> bool:
    if "-" in module:
        return module in read_installed_versions(site_packages)
    place = site_packages.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file() or any(place.parent.glob(f"{place.name}.*.so"))


def _describe_missing(
    names: list[str], modules: Mapping[str, tuple[str, str]], plan: Plan, interpreter: Path
) -> list[str]:
    return [
        f"`{modules[name][1]}` needs the package {modules[name][0]}, which is not installed in the environment: "
        f"{_suggest_installation(plan, modules[name][0], interpreter)}"
        for name in names
        if name in modules
    ]


def _suggest_installation(plan: Plan, package: str, interpreter: Path) -> str:
    """How to get a package: in an environment of ours by `recipes env create`, where that knows it."""
    backend = load_backend(plan.backend)
    if plan.run.environment != "managed" or package not in load_flash_table().packages:
        return f"{interpreter} -m pip install {package}"
    if installable := list_installable(plan, backend):
        return " or ".join(format_create_command(backend.name, plan.hardware.device, [name]) for name in installable)
    return explain_not_installable(backend, package, plan.hardware.device, plan.hardware.gpu)
