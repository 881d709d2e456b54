"""Where a framework lives: an environment of its own, built by us, or one that the person has already."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.environments.additional_packages import compute_identity, get_additional_lock
from qwen_recipes.environments.gpu import detect_device
from qwen_recipes.environments.installed_packages import read_installed_versions
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.home_folder import expand_home, get_home
from qwen_recipes.filesystem.read_file import read_json, read_text

DESCRIPTION_FILE = "environment.json"
READY_MARKER = "ready"
UNKNOWN_VERSION = "unknown"
_PYTHON_VERSION = re.compile(r"\d{1,2}\.\d{1,3}")


class MissingEnvironmentError(QwenRecipesError, LookupError):
    """There is no environment with the framework, or no locked requirements to build one from."""


@dataclass(frozen=True)
class Environment:
    """A framework's environment built by us. `device` is `cpu` or `cuda`, `python` a version such as `3.11`.

    The marker is written last and holds its identity: an environment that is half built, or was built from
    another lock, is not ready.
    """

    backend: str
    version: str
    device: str
    python: str
    folder: Path
    lock: Path
    additional: tuple[str, ...] = ()
    """Packages beyond the lock's, by the names that `recipes env create --with` takes, in order."""

    @property
    def locks(self) -> tuple[Path, ...]:
        """The framework's lock, then those of additional packages."""
        return (self.lock, *(get_additional_lock(name, self.python) for name in self.additional))

    @property
    def identity(self) -> str:
        """What it is built from, as a SHA-256: its lock's, and with additional packages one of all. Raises OSError."""
        return compute_identity(self.locks)

    @property
    def interpreter(self) -> Path:
        """The environment's own Python."""
        return self.bin / "python"

    @property
    def bin(self) -> Path:
        """The folder with the framework's commands."""
        return self.folder / "bin"

    @property
    def site_packages(self) -> Path:
        """Where the environment's packages are installed."""
        return self.folder / "lib" / f"python{self.python}" / "site-packages"

    @property
    def ready(self) -> bool:
        """Whether the environment is whole and built from the lock as it is now."""
        try:
            return read_text(self.folder / READY_MARKER, "config") == self.identity and self.interpreter.exists()
        except OSError:
            return False

    @property
    def state(self) -> str:
        """`ready`, `unfinished` (interrupted), `stale` (built from another lock) or `missing`."""
        if self.ready:
            return "ready"
        if (self.folder / READY_MARKER).is_file():
            return "stale"
        return "unfinished" if self.folder.is_dir() else "missing"

    def activation_variables(self) -> dict[str, str]:
        """The variables under which a command runs in this environment: its commands come first on PATH."""
        path = os.pathsep.join([str(self.bin), os.environ.get("PATH", os.defpath)])
        return {"PATH": path, "VIRTUAL_ENV": str(self.folder)}


@dataclass(frozen=True)
class CurrentEnvironment(Environment):
    """An environment that the person made; `version` is the framework's version that is installed there."""

    @property
    def ready(self) -> bool:
        """Always: it was found by asking its Python for the framework."""
        return True

    @property
    def state(self) -> str:
        """Always `ready`."""
        return "ready"


def get_managed_environment(
    backend: Backend, device: str | None = None, root: Path | None = None, additional: Iterable[str] = ()
) -> Environment:
    """The environment that we build for this backend, whether it is there or not.

    `device` None is `cuda` where this machine has an NVIDIA GPU, else `cpu`. `root` None is `default_root()`.
    `additional`: packages to add, whose order does not matter; each has a lock for the environment's Python.
    Raises MissingEnvironmentError where the backend has no locked requirements for the device, or a package none.
    """
    device = device or detect_device()
    python = backend.python.get(device, f"{sys.version_info[0]}.{sys.version_info[1]}")
    tag = f"py{python.replace('.', '')}"
    lock = backend.lock_folder() / f"{device}-{tag}.lock"
    if not lock.is_file():
        raise MissingEnvironmentError(
            f"{backend.title} has no locked requirements for {device} and Python {python}: install it in an "
            "environment of your own, and write `run: {environment: current}`"
        )
    names = tuple(sorted(set(additional)))
    locks = [get_additional_lock(name, python) for name in names]
    for name, file in zip(names, locks, strict=True):
        if not file.is_file():
            raise MissingEnvironmentError(f"there are no locked requirements of {name} for Python {python}")
    parts = (backend.name, backend.version, device, tag, *names, compute_identity([lock, *locks])[:8])
    folder = (root or default_root()).absolute() / "-".join(parts)
    return Environment(backend.name, backend.version, device, python, folder, lock, names)


def default_root() -> Path:
    """The folder of the environments: `$QWEN_RECIPES_HOME`, else `qwen-recipes/envs` in the user's cache."""
    if home := os.environ.get("QWEN_RECIPES_HOME"):
        return expand_home(home).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or get_home() / ".cache"
    return Path(cache) / "qwen-recipes" / "envs"


def find_current_environment(backend: Backend, device: str) -> CurrentEnvironment:
    """The person's own environment with this framework: ours, or the first Python on PATH that has it.

    Raises MissingEnvironmentError where neither has it.
    """
    on_path = [Path(found) for name in ("python", "python3") if (found := shutil.which(name))]
    for interpreter in dict.fromkeys([Path(sys.executable), *on_path]):
        if environment := _probe_interpreter(backend, interpreter, device):
            return environment
    raise MissingEnvironmentError(
        f"{backend.distribution} is not installed in the current environment ({sys.prefix}) or for the Python "
        f"on PATH; create an environment with `recipes env create {backend.name}`, or install it"
    )


def find_environment_in(backend: Backend, folder: Path, device: str) -> CurrentEnvironment:
    """The person's virtual environment in `folder`. Raises MissingEnvironmentError without the framework."""
    if environment := _probe_interpreter(backend, folder / "bin" / "python", device):
        return environment
    raise MissingEnvironmentError(f"{folder} is not a virtual environment with {backend.distribution}")


def read_environment_in(backend: Backend, folder: Path, device: str) -> CurrentEnvironment:
    """As `find_environment_in`, from the folder's files alone: nothing in it is run.

    The version is UNKNOWN_VERSION where they do not tell. Raises MissingEnvironmentError where it has no Python.
    """
    for site_packages in sorted(folder.glob("lib/python3.*/site-packages")):
        installed = read_installed_versions(site_packages)
        if version := installed.get(backend.distribution.lower().replace("_", "-")):
            python = site_packages.parent.name.removeprefix("python")
            return CurrentEnvironment(backend.name, version, device, python, folder, folder / DESCRIPTION_FILE)
    if (folder / "bin" / "python").exists():
        return CurrentEnvironment(backend.name, UNKNOWN_VERSION, device, "", folder, folder / DESCRIPTION_FILE)
    raise MissingEnvironmentError(f"{folder} is not a virtual environment with {backend.distribution}")


def list_environments(root: Path | None = None) -> list[Environment]:
    """Every environment built by us under `root`, in whatever state, in the order of their names.

    A link to a folder is none: what it points to was not built there.
    """
    files = sorted((root or default_root()).absolute().glob(f"*/{DESCRIPTION_FILE}"))
    return [found for file in files if not file.parent.is_symlink() and (found := _read_description(file))]


def _read_description(file: Path) -> Environment | None:
    try:
        text = read_json(file, "config")
        backend, version, device, python = (str(text[name]) for name in ("backend", "version", "device", "python"))
        if not _PYTHON_VERSION.fullmatch(python):
            return None
        additional = tuple(str(name) for name in text.get("with", []))
        return Environment(backend, version, device, python, file.parent, Path(text["lock"]), additional)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _probe_interpreter(backend: Backend, interpreter: Path, device: str) -> CurrentEnvironment | None:
    probe = (
        "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1])); "
        "print('%d.%d' % sys.version_info[:2]); print(sys.prefix)"
    )
    command = [str(interpreter), "-c", probe, backend.distribution]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="surrogateescape", timeout=60, cwd=os.path.sep
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode or len(lines := done.stdout.splitlines()) != 3:
        return None
    version, python, prefix = lines
    lock = Path(prefix) / DESCRIPTION_FILE
    return CurrentEnvironment(backend.name, version, device, python, Path(prefix), lock)
