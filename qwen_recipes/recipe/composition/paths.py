"""Paths in a tree: `${env:NAME}` filled in, and a base's paths made relative to the recipe that extends it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qwen_recipes.finding import Finding, RecipeError, Route, format_route
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.secrets import is_secret_name
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence

_VARIABLE = re.compile(r"\$\{env:([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PATH_FIELDS = re.compile(
    r"(model(\.id)?|data\.(train|validation)(\[\d+\])?(\.path)?|chat\.template|method\.start_from"
    r"|objective\.rewards\[\d+\]\.path|output\.dir|run\.environment|merge\.adapters\[\d+\](\.adapter)?)\Z"
)
"""Fields that hold a path, with every short form."""

_NOT_ALWAYS_PATHS = re.compile(
    r"(model(\.id)?|method\.start_from|chat\.template|run\.environment|merge\.adapters\[\d+\](\.adapter)?)\Z"
)
"""Fields that may hold a name instead: of a model on the hub, a known template, an environment, a stage."""


def fill_in_variables(document: Document) -> Document:
    """The document with each `${env:NAME}` of a path replaced. Raises RecipeError with all that can't be."""
    if problems := find_variable_problems(document):
        raise RecipeError(problems)

    def fill(route: Route, node: Scalar) -> Node:
        text = _VARIABLE.sub(lambda match: os.environ[match[1]], str(node.value))
        return replace(node, value=text) if text != node.value else node

    return replace(document, root=_map_strings(document.root, (), fill))


def drop_variables(root: Node) -> Node:
    """The tree with the name of each variable in place of its value."""
    return _map_strings(root, (), lambda _, node: replace(node, value=str(node.value).replace("${env:", "$")))


def find_variable_problems(document: Document) -> list[Finding]:
    """Variables that are not set, or stand where no path does."""
    problems: list[Finding] = []

    def check(route: Route, node: Scalar) -> Node:
        problems.extend(
            locate_finding(document, replace(problem, route=route, span=node.span))
            for problem in _check_variables(str(node.value), _name_field(route))
        )
        return node

    _map_strings(document.root, (), check)
    return problems


def _check_variables(text: str, field: str) -> list[Finding]:
    if "${env:" not in text:
        return []
    if not _PATH_FIELDS.match(field):
        message = f"`{field}` is not a path: `${{env:…}}` is only replaced in paths"
        return [Finding("recipe", "error", message, suggestion="write the value, or set it with --set")]
    names = _VARIABLE.findall(text)
    problems = [problem for name in names if (problem := _find_variable_problem(name))]
    if text.count("${env:") > len(names):
        problems.append(Finding("recipe", "error", "`${env:` without its `}`", suggestion="${env:NAME}"))
    return problems


def _find_variable_problem(name: str) -> Finding | None:
    if not _NAME.match(name):
        message = f"`{name}` is not the name of an environment variable"
        return Finding("recipe", "error", message, suggestion="letters, digits and _, as in ${env:DATA_FOLDER}")
    if is_secret_name(name):
        message = f"the environment variable `{name}` holds a secret, which would be written into compiled files"
        return Finding("recipe", "error", message, suggestion="the framework reads it itself: leave it out")
    if os.environ.get(name):
        return None
    state = "is empty" if name in os.environ else "is not set"
    return Finding("recipe", "error", f"the environment variable `{name}` {state}", suggestion=f"export {name}=…")


def move_paths(root: Node, origin: Path, folder: Path) -> Node:
    """The tree of a recipe in `origin`, with its relative paths leading to the same files from `folder`."""
    if os.path.realpath(origin) == os.path.realpath(folder):
        return root

    def move(route: Route, node: Scalar) -> Node:
        field, path = _name_field(route), str(node.value)
        if not _PATH_FIELDS.match(field) or not _is_relative_path(path):
            return node
        if _NOT_ALWAYS_PATHS.match(field) and not path.startswith(("./", "../")) and not (origin / path).exists():
            return node
        return replace(node, value=os.path.relpath(origin / path, folder))

    return _map_strings(root, (), move)


def _name_field(route: Route) -> str:
    """The field of a recipe that a value is for, also where a stage says it."""
    return format_route(route[2:] if route[:1] == ("stages",) and len(route) > 2 else route)


def _is_relative_path(text: str) -> bool:
    return not text.startswith(("/", "~", "${env:")) and "://" not in text


def _map_strings(node: Node, route: Route, change: Callable[[Route, Scalar], Node]) -> Node:
    """The tree with `change` applied to every text in it."""
    if isinstance(node, Mapping):
        entries = {key: _map_strings(child, (*route, key), change) for key, child in node.entries.items()}
        return replace(node, entries=entries)
    if isinstance(node, Sequence):
        return replace(node, items=[_map_strings(item, (*route, i), change) for i, item in enumerate(node.items)])
    return change(route, node) if isinstance(node.value, str) else node
