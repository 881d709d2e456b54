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

from qwen_recipes.backends.base import Backend
from qwen_recipes.environments import installed_packages
from qwen_recipes.environments.environment import (
    Environment,
    MissingEnvironmentError,
    default_root,
    get_managed_environment,
    list_environments,
)
from qwen_recipes.environments.gpu import DetectedGpu, detect_device, detect_gpus, read_cuda_version
from qwen_recipes.environments.interpreter import MissingInterpreterError, find_interpreter
from qwen_recipes.environments.program_environments import get_program_environment
from qwen_recipes.filesystem.existing_folder import find_existing_folder

REPORTED_PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "deepspeed",
    "bitsandbytes",
    "liger-kernel",
    "flash-attn",
    "flash-attn-4",
    "kernels",
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
    additional: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a run can start in it."""
        return self.state == "ready"


@dataclass(frozen=True)
class MachineReport:
    """The machine. Disk and memory in bytes; `uv`, `cuda` and `memory` are None where there is none or unknown."""

    python: str
    executable: str
    uv: str | None
    device: str
    gpus: list[DetectedGpu]
    cuda: str | None
    root: str
    free_disk: int
    memory: int | None
    environments: list[EnvironmentState]

    def has_usable_environment(self, backend: str) -> bool:
        """Whether this backend has an environment that a run can start in."""
        return any(state.usable for state in self.environments if state.backend == backend)

    def as_dict(self) -> dict[str, object]:
        """The report as JSON types."""
        return asdict(self)


def examine_machine(backends: Iterable[Backend], root: Path | None = None) -> MachineReport:
    """Look at this machine. Environments are those of `backends` for its device, and whatever else lies in `root`."""
    place = (root or default_root()).absolute()
    return MachineReport(
        python=platform.python_version(),
        executable=sys.executable,
        uv=_read_uv_version(),
        device=detect_device(),
        gpus=detect_gpus(),
        cuda=read_cuda_version(),
        root=str(place),
        free_disk=shutil.disk_usage(find_existing_folder(place)).free,
        memory=_read_total_memory(),
        environments=list_environment_states(backends, place),
    )


def list_environment_states(
    backends: Iterable[Backend], root: Path, programs: Iterable[str] = ()
) -> list[EnvironmentState]:
    """The state of every backend's environment for this machine's device and of every program's, then of others."""
    wanted = [_get_backend_state(backend, root) for backend in backends]
    wanted += [get_environment_state(get_program_environment(name, root)) for name in programs]
    known = {state.folder for state in wanted}
    others = [get_environment_state(found) for found in list_environments(root)]
    return wanted + [state for state in others if state.folder not in known]


def get_environment_state(environment: Environment) -> EnvironmentState:
    """An environment's state. Why it can't be built, where it is missing and its Python too, is its problem."""
    present = installed_packages.read_installed_versions(environment.site_packages)
    shown = {name: present[name] for name in REPORTED_PACKAGES if name in present}
    problem = None
    if environment.state != "ready":
        try:
            find_interpreter(environment.python)
        except MissingInterpreterError as error:
            problem = str(error)
    return EnvironmentState(
        environment.backend, environment.version, environment.device, environment.python, environment.state,
        str(environment.folder), shown, problem, environment.additional,
    )  # fmt: skip


def _get_backend_state(backend: Backend, root: Path) -> EnvironmentState:
    try:
        return get_environment_state(get_managed_environment(backend, root=root))
    except MissingEnvironmentError as error:
        device = detect_device()
        return EnvironmentState(backend.name, backend.version, device, "", "missing", "", {}, str(error))


def _read_uv_version() -> str | None:
    if not (uv := shutil.which("uv")):
        return None
    try:
        done = subprocess.run(
            [uv, "--version"], capture_output=True, text=True, errors="replace", timeout=30, cwd=os.path.sep
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    return words[1] if len(words) > 1 else None


def _read_total_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
