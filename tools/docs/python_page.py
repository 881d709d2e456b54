"""The generated part of docs/reference/python-api.md: signatures and docstrings of what is public."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import qwen_recipes
from qwen_recipes.backends import load_backend, load_backend_version, load_backends
from qwen_recipes.compile import compile_recipe as compile_loaded_recipe
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
    compile_loaded_recipe,
)


def render_api() -> str:
    """Each public name with its signature and docstring, then the functions behind them."""
    names = "\n".join(_render_name(name) for name in qwen_recipes.__all__)
    return names + "\n" + "\n".join(_render_function(inspect.unwrap(function)) for function in PUBLIC)


def _render_name(name: str) -> str:
    """A function, or a class with what it offers."""
    thing = getattr(qwen_recipes, name)
    signature = format_signature(thing) if inspect.isfunction(thing) or name == "Recipe" else ""
    text = inspect.cleandoc(thing.__doc__ or "")
    members = "".join(f"- `{one}`: {about}\n" for one, about in _list_members(thing)) if inspect.isclass(thing) else ""
    members = f"\n{members}" if members else ""
    return f"### {name}\n\n```text\nfrom qwen_recipes import {name}\n\n{name}{signature}\n```\n\n{text}\n{members}"


def format_signature(function: Callable[..., Any]) -> str:
    """As Python shows it, without quotes and the addresses of defaults that are functions."""
    text = str(inspect.signature(function)).replace("'", "")
    return re.sub(r"<function .*? at 0x[0-9a-f]+>", "...", text)


def _list_members(kind: type) -> list[tuple[str, str]]:
    """Public methods and properties of a class of ours, each with the first line about it and the errors it raises."""
    own = [(one, member) for one, member in vars(kind).items() if not one.startswith("_") and _is_member(member)]
    return [(one, _summarize(text)) for one, member in own if (text := inspect.getdoc(member))]


def _summarize(docstring: str) -> str:
    first, _, rest = docstring.partition("\n")
    raises = re.search(r"Raises [^.]*\.", " ".join(rest.split()))
    return f"{first} {raises[0]}" if raises else first


def _is_member(member: object) -> bool:
    return isinstance(member, (property, classmethod, cached_property)) or inspect.isfunction(member)


def _render_function(function: Callable[..., Any]) -> str:
    signature = format_signature(function)
    module = function.__module__.removesuffix(".runner").removesuffix(".catalog").removesuffix(".compiler")
    module = module.removesuffix(".resolve") if module.endswith("resolve.resolve") else module
    text = inspect.cleandoc(function.__doc__ or "")
    name = function.__name__
    return f"### {name}\n\n```text\nfrom {module} import {name}\n\n{name}{signature}\n```\n\n{text}\n"
