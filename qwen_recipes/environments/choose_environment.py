"""Which of a framework's environments a plan runs in: one that has what its attention needs, where there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.flash_attention import explain_not_installable, find_flash_use
from qwen_recipes.backends.plan import Plan
from qwen_recipes.environments.additional_packages import read_all_pins
from qwen_recipes.environments.environment import (
    Environment,
    MissingEnvironmentError,
    get_managed_environment,
    list_environments,
)


def choose_managed_environment(plan: Plan, backend: Backend, root: Path | None = None) -> Environment:
    """The managed environment for a plan: one that is ready and has a package that its attention needs.

    Where none has, the framework's own environment, or, where that is not ready either, the one to create.
    Raises MissingEnvironmentError where the framework has no locked requirements for the device.
    """
    device = plan.hardware.device
    usual = get_managed_environment(backend, device, root)
    needed = list_needed_flash_packages(plan, backend)
    ready = [one for one in (usual, *_list_with_packages(backend, device, root)) if one.ready]
    fitting = [one for one in ready if not needed or _rank(one, needed) < len(needed)]
    if fitting:
        return min(fitting, key=lambda one: (_rank(one, needed), len(one.additional)))
    installable = list_installable(plan, backend)
    if ready or not installable:
        return usual if usual.ready or not ready else ready[0]
    return get_managed_environment(backend, device, root, installable[:1])


def list_needed_flash_packages(plan: Plan, backend: Backend) -> tuple[str, ...]:
    """Packages of which the plan's attention needs one, the best first; empty where it needs none."""
    use = find_flash_use(backend, plan.training.attention) if plan.hardware.device == "cuda" else None
    return use.packages if use is not None else ()


def list_installable(plan: Plan, backend: Backend) -> list[str]:
    """Those of the packages that the plan's attention needs that `recipes env create --with` installs for its GPU."""
    h = plan.hardware
    needed = list_needed_flash_packages(plan, backend)
    return [name for name in needed if not explain_not_installable(backend, name, h.device, h.gpu)]


def list_flash_packages(backend: Backend, device: str, root: Path | None = None) -> tuple[str, ...]:
    """Packages that ready environments of a framework have beyond its lock; none without a lock."""
    try:
        ready = [one for one in _list_with_packages(backend, device, root) if one.ready]
    except MissingEnvironmentError:
        return ()
    return tuple(sorted({name for one in ready for name in one.additional}))


def _list_with_packages(backend: Backend, device: str, root: Path | None) -> Iterator[Environment]:
    """The framework's environments with additional packages that are there, in whatever state."""
    for found in list_environments(root):
        if found.additional and (found.backend, found.device) == (backend.name, device):
            with contextlib.suppress(MissingEnvironmentError):
                environment = get_managed_environment(backend, device, root, found.additional)
                if environment.folder == found.folder:
                    yield environment


def _rank(environment: Environment, needed: tuple[str, ...]) -> int:
    """The place of the first needed package that it has; their number where it has none."""
    present = read_all_pins(environment.locks)
    return next((place for place, name in enumerate(needed) if name in present), len(needed))
