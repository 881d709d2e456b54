"""What this machine has for training: Python, uv, GPUs, room, and the frameworks' environments."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.backends.base import Backend
from qwen_recipes.launch import contents
from qwen_recipes.launch.environment import Environment, EnvironmentMissing, default_root, installed, managed
from qwen_recipes.launch.gpu import Gpu, cuda_version, detected_device, gpus
from qwen_recipes.launch.interpreter import InterpreterMissing, find

SHOWN = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "deepspeed",
    "bitsandbytes",
    "liger-kernel",
)


@dataclass(frozen=True)
class EnvironmentState:
    """One environment: its state (`ready`, `unfinished`, `stale`, `missing`), and versions of what is in it."""

    backend: str
    version: str
    device: str
    python: str
    state: str
    folder: str
    versions: dict[str, str]
    problem: str | None = None

    @property
    def usable(self) -> bool:
        """Whether a run can start in it."""
        return self.state == "ready"


@dataclass(frozen=True)
class Report:
    """The machine. Disk and memory in bytes; `uv`, `cuda` and `memory` are None where there is none or unknown."""

    python: str
    executable: str
    uv: str | None
    device: str
    gpus: list[Gpu]
    cuda: str | None
    root: str
    free_disk: int
    memory: int | None
    environments: list[EnvironmentState]

    def usable(self, backend: str) -> bool:
        """Whether this backend has an environment that a run can start in."""
        return any(state.usable for state in self.environments if state.backend == backend)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON types."""
        return asdict(self)


def examine(backends: Iterable[Backend], root: Path | None = None) -> Report:
    """Look at this machine. Environments are those of `backends` for its device, and whatever else lies in `root`."""
    place = (root or default_root()).absolute()
    return Report(
        python=platform.python_version(),
        executable=sys.executable,
        uv=_uv_version(),
        device=detected_device(),
        gpus=gpus(),
        cuda=cuda_version(),
        root=str(place),
        free_disk=shutil.disk_usage(_existing(place)).free,
        memory=_memory(),
        environments=environment_states(backends, place),
    )


def environment_states(backends: Iterable[Backend], root: Path) -> list[EnvironmentState]:
    """The state of every backend's environment for this machine's device, then of the others under `root`."""
    wanted = [_wanted(backend, root) for backend in backends]
    known = {state.folder for state in wanted}
    others = [state_of(found) for found in installed(root)]
    return wanted + [state for state in others if state.folder not in known]


def state_of(environment: Environment) -> EnvironmentState:
    """An environment's state. Why it can't be built, where it is missing and its Python too, is its problem."""
    present = contents.versions(environment.site_packages)
    shown = {name: present[name] for name in SHOWN if name in present}
    problem = None
    if environment.state != "ready":
        try:
            find(environment.python)
        except InterpreterMissing as error:
            problem = str(error)
    return EnvironmentState(
        environment.backend, environment.version, environment.device, environment.python, environment.state,
        str(environment.folder), shown, problem,
    )  # fmt: skip


def _wanted(backend: Backend, root: Path) -> EnvironmentState:
    try:
        return state_of(managed(backend, root=root))
    except EnvironmentMissing as error:
        device = detected_device()
        return EnvironmentState(backend.name, backend.version, device, "", "missing", "", {}, str(error))


def _uv_version() -> str | None:
    if not (uv := shutil.which("uv")):
        return None
    try:
        done = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    return words[1] if len(words) > 1 else None


def _existing(path: Path) -> Path:
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
