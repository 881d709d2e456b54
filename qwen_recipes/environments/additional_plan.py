"""What `recipes env create --with` would install beside a framework, and why it may not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.flash_attention import describe_installation, explain_not_installable, load_flash_table
from qwen_recipes.environments.additional_packages import read_all_requirements
from qwen_recipes.environments.environment import Environment
from qwen_recipes.environments.gpu import detect_gpus
from qwen_recipes.environments.lock_file import read_requirements
from qwen_recipes.gpus.catalogue import identify_gpu
from qwen_recipes.gpus.gpu_model import GpuModel


def find_machine_gpu() -> GpuModel | None:
    """This machine's first GPU that the catalogue knows; None where there is none."""
    found = (identify_gpu(one.name, one.memory / 1024) for one in detect_gpus())
    return next((gpu for gpu in found if gpu is not None), None)


def find_unfit_packages(backend: Backend, names: Iterable[str], device: str, gpu: GpuModel | None) -> list[str]:
    """Why packages cannot be added, a line each; empty where all can."""
    return list(filter(None, (explain_not_installable(backend, name, device, gpu) for name in names)))


def explain_missing_compiler(environment: Environment) -> str:
    """Why a package of the environment cannot be built from source here; empty where it can, or none has to be."""
    packages = load_flash_table().packages
    built = [name for name in environment.additional if name in packages and packages[name].install == "source"]
    home = _find_cuda_toolkit() if built else None
    if not built or (home and (home / "include" / "cuda_runtime.h").is_file()):
        return ""
    where = f"{home} has nvcc, but not the headers" if home else "nvcc is not on PATH or in CUDA_HOME"
    return f"{built[0]} is built from source, which needs {packages[built[0]].needs}, with its headers: {where}"


def describe_creation(environment: Environment) -> Iterator[str]:
    """What creating an environment would do, in lines."""
    first, *further = read_all_requirements(environment.locks)
    torch = (read_requirements(environment.lock).torch or "torch").partition("==")[2]
    state = "ready; nothing would be installed" if environment.ready else f"{environment.state}; it would be created"
    yield f"{environment.folder} is {state}"
    yield f"{environment.backend} {environment.version} for {environment.device}: {len(first.pins())} packages"
    packages = load_flash_table().packages
    for name, requirements in zip(environment.additional, further, strict=True):
        count = len(requirements.pins())
        listed = f"{count} package{'' if count == 1 else 's'} more" if count else "in the framework's lock already"
        yield f"{name}: {listed}, {describe_installation(packages[name], torch)}"


def _find_cuda_toolkit() -> Path | None:
    """The folder of the CUDA toolkit, as PyTorch finds it; None where there is no nvcc."""
    if home := os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH"):
        return Path(home) if shutil.which("nvcc", path=str(Path(home) / "bin")) else None
    nvcc = shutil.which("nvcc")
    return Path(nvcc).parent.parent if nvcc else None
