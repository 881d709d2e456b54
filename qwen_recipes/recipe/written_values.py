"""Every value that a recipe's text holds, and the secrets among them, before anything is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qwen_recipes.finding import RecipeError, Route
from qwen_recipes.recipe.secrets import find_login, find_secret, find_secret_spans, is_secret_name, remember_secret
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Sequence
from qwen_recipes.yaml_text.reader import read_yaml

_ENTRY = re.compile(r"""(?P<name>[\w.-]{1,100})["']?[ \t]{0,8}:[ \t]{1,8}(?P<value>[^\s,{}[\]#][^\n,{}[\]]{0,500})""")
"""`name: value` on a line or in a map between braces."""
_OPENING = re.compile(r"""(?P<name>[\w.-]{1,100})["']?[ \t]{0,8}:[ \t]*(?=[\[{|>&!]|$)""")
"""A name whose values follow in brackets or on lines of their own."""


def list_values(node: Node, route: Route = ()) -> Iterator[tuple[Route, object]]:
    """Each value with its route."""
    if isinstance(node, Mapping):
        for key, inner in node.entries.items():
            yield from list_values(inner, (*route, key))
    elif isinstance(node, Sequence):
        for place, inner in enumerate(node.items):
            yield from list_values(inner, (*route, place))
    else:
        yield route, node.value


def find_value_secret(route: Route, value: object) -> str:
    """The secret in a value, by its look or the names that it stands under, however deep; empty where none is.

    Text and numbers are secrets under such a name; under one of several (`hub_tokens: 3`) a number counts them.
    """
    name = _choose_name(route)
    if isinstance(value, int | float) and not isinstance(value, bool):
        counts = bool(route) and isinstance(route[-1], str) and (name == "token" or _is_of_several(name))
        return "" if counts or not is_secret_name(name) else find_secret(str(value), name)
    return find_secret(value, name)


def _choose_name(route: Route) -> str:
    """The last name of a secret that a value stands under, else the last name."""
    names = [step for step in route if isinstance(step, str)]
    return next((one for one in reversed(names) if is_secret_name(one)), names[-1] if names else "")


def _is_of_several(name: str) -> bool:
    return name.lower().endswith("s")


def read_recipe_yaml(content: bytes | str, name: str) -> Document:
    """As `read_yaml`; a secret of the text is hidden from here on, also in what is said of text that can't be read.

    Raises RecipeError.
    """
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    remember_secrets_in_text(text)
    try:
        document = read_yaml(content, name)
    except RecipeError:
        _remember_blocks(text)
        raise
    remember_secrets(document.root)
    return document


def remember_secrets(node: Node) -> None:
    """Let nothing that this process prints show a secret of these values, errors of reading them included."""
    for route, value in list_values(node):
        _remember(route, value)


def remember_secrets_in_text(text: str) -> None:
    """As `remember_secrets`, for YAML that may not be readable."""
    for entry in _ENTRY.finditer(text):
        _remember((entry["name"],), entry["value"].strip("\"'"))


def _remember_blocks(text: str) -> None:
    """As `remember_secrets_in_text`, for the lists, maps and lines below a secret's name, and for URLs with blanks."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        for entry in _OPENING.finditer(line):
            if is_secret_name(entry["name"]):
                inner = re.match(r"[^\]}]*", line[entry.end() :])
                pieces = [inner[0] if inner else "", *_list_inner_lines(lines, number)]
                for piece in re.split(r"[\s,{}[\]\"']+", " ".join(pieces)):
                    if not piece.endswith(":"):
                        _remember((entry["name"],), piece)
        for start in re.finditer("://", line):
            _remember((), line[line.rfind(" ", 0, start.start()) + 1 :].strip("\"'[{"))


def _list_inner_lines(lines: list[str], number: int) -> Iterator[str]:
    """The lines that are indented below a line, or are items of a list below it; 200 at most."""
    outer = len(lines[number]) - len(lines[number].lstrip())
    for line in lines[number + 1 : number + 201]:
        indented = len(line) - len(line.lstrip())
        if line.strip() and indented <= outer and not (indented == outer and line.lstrip().startswith("-")):
            return
        yield line


def remember_secrets_in_overrides(overrides: Iterable[str]) -> None:
    """As `remember_secrets`, for `path=value`."""
    for one in overrides:
        path, _, value = one.partition("=")
        _remember((path,), value)
        remember_secrets_in_text(value)


def _remember(route: Route, value: object) -> None:
    secret = find_value_secret(route, value)
    for line in (secret, *secret.splitlines()):
        remember_secret(line.strip())
    if _is_of_several(_choose_name(route)):
        for piece in re.split(r"[\s,;]+", secret):
            remember_secret(piece)
    if isinstance(value, str):
        for start, end in find_secret_spans(value):
            remember_secret(value[start:end])
        if login := find_login(value):
            remember_secret(login["password"])
