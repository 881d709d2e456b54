"""The command lines of pip and uv that install a lock's packages, and the choice between the two."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_recipes.environments.uv_config import choose_uv_config

_PATH_OVERRIDES = {
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "UV_PYTHON",
}


@dataclass(frozen=True)
class Installer:
    """An installer of packages without their dependencies: uv where its path is given, else the environment's pip.

    Every step installs a requirements file; with `hashes` only files whose hashes stand in it. `torch_options` are
    options for torch alone, `torch_index` an index for it, which may hold credentials: it is told in
    `torch_variables`, so that no command line, and no log of one, has it.
    """

    interpreter: Path
    uv: str | None = None
    torch_options: tuple[str, ...] = ()
    torch_index: str | None = None
    hashes: bool = False

    @property
    def name(self) -> str:
        """`uv` or `pip`."""
        return "uv" if self.uv else "pip"

    @property
    def torch_variables(self) -> dict[str, str]:
        """Environment variables for the installation of torch."""
        if self.torch_index is None:
            return {}
        names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL") if self.uv else ("PIP_INDEX_URL",)
        return dict.fromkeys(names, self.torch_index)

    def torch(self, requirements: Path) -> list[str]:
        """Install torch."""
        return [*self._base_command(), *self.torch_options, "-r", str(requirements)]

    def plain(self, requirements: Path) -> list[str]:
        """Install pins."""
        return [*self._base_command(), "-r", str(requirements)]

    def built(self, requirements: Path) -> list[str]:
        """Build a package from source with what is in the environment, and install it."""
        return [*self._base_command(), "--no-build-isolation", "-r", str(requirements)]

    def any_python(self, requirements: Path) -> list[str]:
        """Install a package in spite of the Python that it declares, which uv can't."""
        return [*replace(self, uv=None)._base_command(), "--ignore-requires-python", "-r", str(requirements)]

    def _base_command(self) -> list[str]:
        checked = ["--require-hashes"] if self.hashes else []
        if self.uv:
            uv = [self.uv, "pip", "install", *choose_uv_config(), "--python", str(self.interpreter)]
            return [*uv, "--no-deps", *checked]
        return [*make_pip_command(self.interpreter), "--no-deps", "--no-compile", *checked]


def make_pip_command(interpreter: Path) -> list[str]:
    """`pip install` of a Python, which asks nothing and draws nothing."""
    pip = [str(interpreter), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    return [*pip, "--progress-bar", "off"]


def choose_installer(
    interpreter: Path, device: str, torch: str | None, torch_index: str | None, uv: str | None, *, hashes: bool = False
) -> Installer:
    """uv, where its path is given and it finds the torch that the device wants, else pip.

    On a CPU uv must find a CPU build of the pinned torch, which lies on an index of its own that not every machine
    reaches; pip takes what the person's own settings give it.
    """
    if uv and (device == "cuda" or not torch):
        return Installer(interpreter, uv, (), torch_index, hashes)
    if uv and torch and not torch_index and _can_find_cpu_build(uv, interpreter, torch):
        return Installer(interpreter, uv, ("--torch-backend", "cpu"), None, hashes)
    return Installer(interpreter, None, (), torch_index, hashes)


def clean_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that would send packages, or imports, somewhere else."""
    return {name: value for name, value in variables.items() if name not in _PATH_OVERRIDES}


def _can_find_cpu_build(uv: str, interpreter: Path, torch: str) -> bool:
    command = [uv, "pip", "install", *choose_uv_config(), "--python", str(interpreter), "--no-deps", "--dry-run"]
    impatient = {**os.environ, "UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "0"}
    try:
        done = subprocess.run(
            [*command, "--torch-backend", "cpu", torch],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=90,
            env=impatient,
            cwd=os.path.sep,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(re.search(r"\+ torch==\S+\+cpu", done.stderr))
