"""FlashAttention: which package brings it to which framework, on which GPUs, and what happens without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.versions import parse_version
from qwen_recipes.gpus.gpu_model import GpuModel

TABLE = Path(__file__).with_name("flash_attention.yaml")
PREFIX = "flash_attention_"

Install = Literal["wheels", "source", "hub", "none"]


@dataclass(frozen=True)
class FlashPackage:
    """A package with FlashAttention. `capability`: compute capabilities, from the first on and below the second.

    `install`: from wheels, built from its source, as a client of the kernels hub, or not by us. `megabytes` of its
    files where they are known. The longer texts are for people.
    """

    name: str
    title: str
    attention: str
    version: str
    capability: tuple[float, float]
    gpus: str
    torch: str
    install: Install
    needs: str
    time: str
    sources: tuple[str, ...]
    megabytes: int | None = None
    wheels_before_torch: str = ""

    def explain_unfit_gpu(self, gpu: GpuModel) -> str:
        """Why it does not run on this GPU; empty where it does, and of a GPU whose capability is not known."""
        low, below = self.capability
        if gpu.maker == "amd":
            return f"{self.name} needs an NVIDIA GPU, not {gpu.name}"
        if gpu.capability is None or low <= gpu.capability < below:
            return ""
        return f"{self.name} needs {self.gpus}, not {gpu.name} (compute capability {gpu.capability})"


@dataclass(frozen=True)
class FlashUse:
    """An attention of a framework, from a version on, and the packages of which one is enough.

    `falls_back_to`: what it computes with, silently, where none is there; empty where it stops with an error.
    """

    framework: str
    attention: str
    packages: tuple[str, ...]
    without: str
    source: str
    since: str = "0"
    falls_back_to: str = ""
    packed: str = ""
    hub: str = ""


@dataclass(frozen=True)
class FlashTable:
    """All that is known, by package and by framework."""

    packages: dict[str, FlashPackage]
    uses: tuple[FlashUse, ...]


@cache
def load_flash_table() -> FlashTable:
    """The table in `flash_attention.yaml`."""
    content = yaml.safe_load(TABLE.read_text("utf-8"))
    packages = [_parse_package(entry) for entry in content["packages"]]
    uses = [FlashUse(**{**entry, "packages": tuple(entry["packages"])}) for entry in content["frameworks"]]
    return FlashTable({package.name: package for package in packages}, tuple(uses))


def _parse_package(entry: dict[str, Any]) -> FlashPackage:
    limits = entry["capability"]
    capability = (float(limits["from"]), float(limits.get("below", "inf")))
    return FlashPackage(
        **{"version": "", **entry, "capability": capability, "sources": tuple(entry["sources"])},
    )


def list_flash_uses(backend: Backend) -> list[FlashUse]:
    """The kinds of FlashAttention that this version of a framework knows."""
    version = parse_version(backend.version)
    return [
        use for use in load_flash_table().uses if use.framework == backend.name and parse_version(use.since) <= version
    ]


def find_flash_use(backend: Backend, attention: str) -> FlashUse | None:
    """What an attention needs in a framework; None of another attention, or where the framework does not know it."""
    return next((use for use in list_flash_uses(backend) if use.attention == attention), None)


def list_fitting_attentions(backend: Backend, gpu: GpuModel | None) -> list[str]:
    """The kinds of FlashAttention that a framework can have on a GPU, those that install from wheels first."""
    order: list[Install] = ["wheels", "source", "hub"]
    found = [
        (order.index(package.install), use.attention)
        for use in list_flash_uses(backend)
        if (package := load_flash_table().packages[use.packages[0]]).install in order
        and gpu is not None
        and gpu.capability is not None
        and not package.explain_unfit_gpu(gpu)
    ]
    return [attention for _, attention in sorted(found)]


def format_create_command(framework: str, device: str, additional: Iterable[str] = ()) -> str:
    """The command that creates a framework's environment, with additional packages."""
    return " ".join([f"recipes env create {framework} --device {device}", *(f"--with {name}" for name in additional)])


def explain_not_installable(backend: Backend, name: str, device: str, gpu: GpuModel | None) -> str:
    """Why a package cannot be added to a framework's environment for this device and GPU; empty where it can."""
    table = load_flash_table()
    package = table.packages.get(name)
    if package is None:
        known = ", ".join(one.name for one in table.packages.values() if one.install != "none")
        return f"unknown package `{name}`; known: {known}"
    uses = list_flash_uses(backend)
    useful = list(dict.fromkeys(one for use in uses for one in use.packages if table.packages[one].install != "none"))
    if package.install == "none":
        instead = f". {backend.title} also takes {' or '.join(useful)}" if useful else ""
        return f"{name} is not on the package index; building it needs {package.needs}{instead}"
    if name not in useful:
        also = f"it can use {' or '.join(useful)}" if useful else "it uses no FlashAttention"
        return f"{backend.title} {backend.version} does not use {name}: {also}"
    if device != "cuda":
        return f"{name} needs an NVIDIA GPU: it cannot be added to an environment for {device}"
    return package.explain_unfit_gpu(gpu) if gpu is not None else ""


def describe_installation(package: FlashPackage, torch: str) -> str:
    """How a package is installed beside this version of torch, and how long it takes."""
    if package.install == "source":
        wheels = package.wheels_before_torch
        none = f"no official wheel for torch {torch}; " if parse_version(torch) >= parse_version(wheels) else ""
        return f"{none}built from source, which needs {package.needs}. Time: {package.time}"
    size = f" ({package.megabytes} MB)" if package.megabytes else ""
    how = f"from wheels{size}" if package.install == "wheels" else f"the client of the hub; it needs {package.needs}"
    return f"{how}. Time: {package.time}"
