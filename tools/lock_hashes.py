"""Write NAME.hashes beside each NAME.lock: the SHA-256 of every file that may be installed for its pins.

    python -m tools.lock_hashes                 # every lock
    python -m tools.lock_hashes axolotl/cpu-py311
    python -m tools.lock_hashes flash-attn-4-py312  # a package that `recipes env create --with` adds
    python -m tools.lock_hashes uv==0.13.9      # the uv that is installed for environments with CUDA

Asks the package index through uv, for the lock's Python on 64-bit x86 Linux; source distributions are among the files.
The locks themselves stay as they are: an environment is known by the hash of its lock.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from qwen_recipes.environments.additional_packages import ADDITIONAL_LOCKS
from qwen_recipes.environments.find_uv import UV_REQUIREMENT
from qwen_recipes.environments.lock_file import normalize_name, read_requirements
from tools.lock_environment import LOCK_FOLDERS, get_python_version

HEADER = """\
# Written by tools/lock_hashes.py for {source}: the SHA-256 of the files that `recipes env create` accepts for each pin.
"""
PLATFORM = "x86_64-manylinux_2_28"
ANY_PYTHON = "3.13"
"""For packages that are installed in spite of the Python that they declare."""
CPU_TORCH = {
    # torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl, as PyTorch's index for the CPU names it
    "torch==2.13.0+cpu": ["6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"],
}
"""Builds of torch that are not on the default index; the locks for the CPU prefer them."""


def main() -> None:
    wanted = set(sys.argv[1:])
    for pin in sorted(one for one in wanted if one.startswith("uv==")):
        write_file(UV_REQUIREMENT, UV_REQUIREMENT.name, find_hashes([pin], ANY_PYTHON))
    for name, folder in LOCK_FOLDERS.items():
        for lock in sorted(folder.glob("*.lock")):
            if not wanted or f"{name}/{lock.stem}" in wanted:
                write_hashes(lock)
    for lock in sorted(ADDITIONAL_LOCKS.glob("*.lock")):
        if not wanted or lock.stem in wanted:
            write_hashes(lock)


def write_hashes(lock: Path) -> None:
    """Write the hashes of a lock's pins beside it. Exits where the index has no file for one."""
    requirements = read_requirements(lock)
    pins = [*requirements.plain, *(package.pin for package in requirements.built)]
    found = find_hashes(pins, get_python_version(lock.stem))
    found |= find_hashes(list(requirements.any_python), ANY_PYTHON)
    if lock.stem.startswith("cpu"):
        found |= {pin: hashes for pin, hashes in CPU_TORCH.items() if pin.partition("+")[0] in found}
    write_file(lock.with_suffix(".hashes"), lock.name, found)


def write_file(file: Path, source: str, hashes: dict[str, list[str]]) -> None:
    """Write a requirements file with hashes, one pin a line."""
    lines = [" ".join([pin, *(f"--hash=sha256:{one}" for one in hashes[pin])]) for pin in sorted(hashes)]
    file.write_text(HEADER.format(source=source) + "\n".join(lines) + "\n", "utf-8")


def find_hashes(pins: list[str], python: str) -> dict[str, list[str]]:
    """The SHA-256 of the files for each pin."""
    packages = {package["name"]: package for package in resolve_files(pins, python)} if pins else {}
    return {pin: sorted(list_file_hashes(packages[normalize_name(pin)])) for pin in pins}


def resolve_files(pins: list[str], python: str) -> list[dict[str, Any]]:
    """The packages of a `pylock.toml` that uv makes of these pins, without what they depend on."""
    command = ["uv", "pip", "compile", "-", "--no-deps", "--no-config", "--quiet", "--format", "pylock.toml"]
    command += ["--python-version", python, "--python-platform", PLATFORM]
    done = subprocess.run(command, input="\n".join(pins), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    import tomllib

    packages: list[dict[str, Any]] = tomllib.loads(done.stdout)["packages"]
    return packages


def list_file_hashes(package: dict[str, Any]) -> set[str]:
    """The SHA-256 of the wheels and of the source distribution of a package."""
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    return {file["hashes"]["sha256"] for file in files}


if __name__ == "__main__":
    main()
