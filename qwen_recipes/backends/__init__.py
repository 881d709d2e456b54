"""One framework, one folder: what it supports, its words for our words, its command line."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from qwen_recipes.backends.base import Backend, Limit, Output
from qwen_recipes.backends.installed import entry_points
from qwen_recipes.backends.plan import Plan

__all__ = ["Backend", "Limit", "Output", "Plan", "UnknownBackend", "backend_at", "backend_named", "backends"]


class UnknownBackend(LookupError):
    """No installed backend has that name."""


@cache
def backend_names() -> tuple[str, ...]:
    """Names of the installed backends, ours and third parties', in order. Loads none of them."""
    return tuple(sorted(entry_points("qwen_recipes.backends")))


@cache
def backend_named(name: str) -> Backend:
    """The backend of that name. Raises UnknownBackend with what is near."""
    place = entry_points("qwen_recipes.backends").get(name)
    if place:
        loaded: Backend = getattr(import_module(place[0]), place[1])
        return loaded
    import difflib

    near = difflib.get_close_matches(name, backend_names(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"installed: {', '.join(backend_names())}"
    raise UnknownBackend(f"no backend is called {name}; {hint}")


def backend_at(name: str, version: str | None = None) -> Backend:
    """The backend of that name at a released version, given as `0.16.1` or `axolotl==0.16.1`.

    Raises UnknownBackend with the versions that are known.
    """
    backend = backend_named(name)
    framework, _, plain = (backend.version if version is None else version).rpartition("==")
    if framework not in ("", name):
        raise UnknownBackend(f"{version} is no version of {name}; {_known(backend)}")
    if plain not in backend.versions:
        raise UnknownBackend(f"{backend.title} {plain} is not known; {_known(backend)}")
    return backend.at(plain)


def _known(backend: Backend) -> str:
    return f"known: {', '.join(backend.versions)}"


def backends() -> list[Backend]:
    """Every installed backend."""
    return [backend_named(name) for name in backend_names()]
