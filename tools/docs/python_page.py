"""The generated part of docs/reference/python-api.md: signatures and docstrings of the public functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from qwen_recipes.backends import load_backend, load_backend_version, load_backends
from qwen_recipes.compile import compile_recipe
from qwen_recipes.guards import load_guard, load_guards, run_guards
from qwen_recipes.recipe.load import load_recipe, load_recipe_text
from qwen_recipes.recipe.schema import build_recipe_schema
from qwen_recipes.resolve import resolve

PUBLIC: tuple[Callable[..., Any], ...] = (
    load_recipe,
    load_recipe_text,
    build_recipe_schema,
    load_backend,
    load_backend_version,
    load_backends,
    resolve,
    run_guards,
    load_guard,
    load_guards,
    compile_recipe,
)


def render_api() -> str:
    """Each function with its signature and docstring."""
    return "\n".join(_render_function(inspect.unwrap(function)) for function in PUBLIC)


def _render_function(function: Callable[..., Any]) -> str:
    signature = str(inspect.signature(function)).replace("'", "")
    module = function.__module__.removesuffix(".runner").removesuffix(".catalog").removesuffix(".compiler")
    module = module.removesuffix(".resolve") if module.endswith("resolve.resolve") else module
    text = inspect.cleandoc(function.__doc__ or "")
    name = function.__name__
    return f"### {name}\n\n```text\nfrom {module} import {name}\n\n{name}{signature}\n```\n\n{text}\n"
