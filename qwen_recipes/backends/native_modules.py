"""What packages of frameworks bring for their own configs: modules, schemas and lists of keys."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from qwen_recipes.backends import ENTRY_POINTS, load_backend
from qwen_recipes.backends.entry_points import find_entry_points
from qwen_recipes.package_data import find_package_data


@cache
def list_native_frameworks() -> tuple[str, ...]:
    """Frameworks whose own configs can be read: those whose package has a `native_config.py`. Imports none of them."""
    places = find_entry_points(ENTRY_POINTS).items()
    return tuple(name for name, (module, _) in sorted(places) if _has_native_config(module))


def _has_native_config(module: str) -> bool:
    try:
        spec = find_spec(module)
    except ImportError:
        return False
    folders = spec.submodule_search_locations if spec else None
    return any(Path(folder, "native_config.py").is_file() for folder in folders or ())


@cache
def import_backend_module(backend: str, name: str) -> ModuleType:
    """A module of a framework's package, by its name there."""
    return import_module(f"{find_entry_points(ENTRY_POINTS)[backend][0]}.{name}")


@cache
def get_default_version(backend: str) -> str:
    """The version of the framework that we know."""
    return load_backend(backend).version


@cache
def load_native_schema(backend: str) -> dict[str, Any]:
    """The framework's own vocabulary of a training config."""
    return load_backend(backend).load_schema()


@cache
def load_extra_keys(backend: str) -> dict[str, Any]:
    """Keys that plugins or other commands than training read."""
    path = find_package_data("schemas") / "native" / f"{backend}-{get_default_version(backend)}.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded
