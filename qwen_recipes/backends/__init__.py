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
    "try_backend",
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
    """The backend of that name. Raises UnknownBackendError with what is near, or why its package cannot be loaded."""
    place = find_entry_points(ENTRY_POINTS).get(name)
    if place:
        return _import_backend(name, *place)
    import difflib

    near = difflib.get_close_matches(name, list_backend_names(), n=1, cutoff=0.55)
    hint = f"did you mean `{near[0]}`?" if near else f"frameworks: {', '.join(list_backend_names())}"
    raise UnknownBackendError(f"unknown framework `{name}`; {hint}")


def _import_backend(name: str, module: str, attribute: str) -> Backend:
    try:
        loaded = getattr(import_module(module), attribute)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnknownBackendError(
            f"framework {name}: its package `{module.partition('.')[0]}` cannot be loaded ({reason}); "
            "install it again, or uninstall it"
        ) from error
    if not isinstance(loaded, Backend):
        raise UnknownBackendError(f"framework {name}: `{module}:{attribute}` is not a Backend; ask its authors")
    return loaded


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
    """Every installed backend whose package can be loaded."""
    return [backend for name in list_backend_names() if not isinstance(backend := try_backend(name), str)]


def try_backend(name: str) -> Backend | str:
    """The backend of that name, or why its package cannot be loaded."""
    try:
        return load_backend(name)
    except UnknownBackendError as error:
        return str(error)
