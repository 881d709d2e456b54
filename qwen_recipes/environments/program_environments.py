"""Programs beside the frameworks that have a locked environment of their own: mergekit, which merges whole models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qwen_recipes.environments.additional_packages import compute_identity
from qwen_recipes.environments.environment import Environment, default_root
from qwen_recipes.environments.lock_file import read_requirements

PROGRAMS: Mapping[str, str] = {"mergekit": "3.11"}
"""Each program with the Python that it is installed under; all run on the CPU."""
PROGRAM_LOCKS = Path(__file__).with_name("programs")


def get_program_environment(name: str, root: Path | None = None) -> Environment:
    """The environment that we build for a program, whether it is there or not. `root` None is `default_root()`."""
    python = PROGRAMS[name]
    tag = f"py{python.replace('.', '')}"
    lock = PROGRAM_LOCKS / name / f"cpu-{tag}.lock"
    version = read_requirements(lock).pins()[name]
    folder = "-".join((name, version, "cpu", tag, compute_identity([lock])[:8]))
    return Environment(name, version, "cpu", python, (root or default_root()).absolute() / folder, lock)
