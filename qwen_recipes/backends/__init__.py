"""One framework, one folder: what it supports, its words for our words, its command line."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from qwen_recipes.backends.base import Backend, OutputFile, UnsupportedSetting
from qwen_recipes.backends.entry_points import find_entry_points
from qwen_recipes.backends.plan import Plan
from qwen_recipes.errors import QwenRecipesError

__all__ = [
    "Backend",
    "OutputFile",
    "Plan",
    "UnknownBackendError",
    "UnsupportedSetting",
    "load_backend",
    "load_backend_version",
    "load_backends",
]


ENTRY_POINTS = "qwen_recipes.backends"
"""The group of entry points that name backends."""
PREFERRED_BACKENDS = ("llamafactory", "axolotl", "ms-swift")
"""Those that are asked whether they can do what a recipe says, in this order, where it names none."""


class UnknownBackendError(QwenRecipesError, LookupError):
    """No installed backend has that name."""


@cache
def list_backend_names() -> tuple[str, ...]:
    """Names of the installed backends, ours and third parties', in order. Loads none of them."""
    return tuple(sorted(find_entry_points(ENTRY_POINTS)))


@cache
def load_backend(name: str) -> Backend:
    """The backend of that name. Raises UnknownBackendError with what is near."""
    place = find_entry_points(ENTRY_POINTS).get(name)
    if place:
        loaded: Backend = getattr(import_module(place[0]), place[1])
        return loaded
    import difflib

    near = difflib.get_close_matches(name, list_backend_names(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"installed: {', '.join(list_backend_names())}"
    raise UnknownBackendError(f"unknown framework {name}; {hint}")


def load_backend_version(name: str, version: str | None = None) -> Backend:
    """The backend of that name at a released version, given as `0.16.1` or `axolotl==0.16.1`.

    Raises UnknownBackendError with the versions that are known.
    """
    backend = load_backend(name)
    framework, _, plain = (backend.version if version is None else version).rpartition("==")
    if framework not in ("", name):
        raise UnknownBackendError(f"{version} is not a version of {name}; {_format_known_versions(backend)}")
    if plain not in backend.versions:
        raise UnknownBackendError(f"unknown version {plain} of {backend.title}; {_format_known_versions(backend)}")
    return backend.at_version(plain)


def _format_known_versions(backend: Backend) -> str:
    return f"known: {', '.join(backend.versions)}"


def load_backends() -> list[Backend]:
    """Every installed backend."""
    return [load_backend(name) for name in list_backend_names()]
