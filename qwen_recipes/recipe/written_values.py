"""Every value that a recipe's text holds, and the secrets among them, before anything is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from qwen_recipes.finding import RecipeError, Route
from qwen_recipes.recipe.secrets import (
    find_login,
    find_secret,
    find_secret_spans,
    is_secret_name,
    looks_random,
    remember_secret,
)
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence
from qwen_recipes.yaml_text.reader import read_yaml

_ENTRY = re.compile(r"""(?P<name>[\w.-]{1,100})["']?[ \t]{0,8}:[ \t]{1,8}(?P<value>[^\s,{}[\]#][^\n,{}[\]]{0,500})""")
"""`name: value` on a line or in a map between braces."""
_QUOTED = re.compile(r'"(?P<written>(?:[^"\\\n]|\\.){8,1000})"')
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_NAME_KEYS = ("name", "key", "variable", "var", "header", "field")
_VALUE_KEYS = ("value", "val", "content", "default")
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


def find_secrets(root: Node) -> Iterator[tuple[Route, str]]:
    """Each place that holds a secret and the secret: values, keys of maps, and values whose name stands beside them."""
    found = (*_find_in_values(root), *_find_in_keys(root), *_find_beside_names(root))
    yield from dict.fromkeys((route, secret) for route, secret in found if secret)


def _find_in_values(root: Node) -> Iterator[tuple[Route, str]]:
    for route, value in list_values(root):
        yield route, find_value_secret(route, value)


def _find_in_keys(root: Node) -> Iterator[tuple[Route, str]]:
    for route, node in _list_nodes(root):
        for key, inner in node.entries.items() if isinstance(node, Mapping) else ():
            yield (*route, key), _find_key_secret(route, str(key), inner)


def _find_key_secret(route: Route, key: str, inner: Node) -> str:
    """The secret in a key, by its look; under the name of a secret, a random key is one unless its value is."""
    if found := find_secret(key):
        return found
    value = inner.value if isinstance(inner, Scalar) else ""
    names = isinstance(value, str) and (not isinstance(inner, Scalar) or looks_random(value))
    return key if is_secret_name(_choose_name(route)) and looks_random(key) and not names else ""


def _find_beside_names(root: Node) -> Iterator[tuple[Route, str]]:
    """`{name: HF_TOKEN, value: …}`, `[HF_TOKEN, …]`, `[--hub_token, …]`."""
    pairs: list[tuple[str | int, str, Node]]
    for route, node in _list_nodes(root):
        pairs = []
        if isinstance(node, Mapping):
            names = [inner.value for key, inner in node.entries.items() if key in _NAME_KEYS and _is_text(inner)]
            pairs = [(key, name, node.entries[key]) for key in _VALUE_KEYS if key in node.entries for name in names]
        elif isinstance(node, Sequence):
            flags = [(at, node.items[at - 1], inner) for at, inner in enumerate(node.items) if at]
            pairs = [
                (at, before.value, inner)
                for at, before, inner in flags
                if _is_text(before) and (before.value.startswith("-") or (len(flags) == 1 and before.value.isupper()))
            ]
        for step, name, inner in pairs:
            yield (*route, step), find_secret(inner.value, name) if _is_text(inner) else ""


def _is_text(node: Node) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and isinstance(node.value, str)


def _list_nodes(node: Node, route: Route = ()) -> Iterator[tuple[Route, Mapping | Sequence]]:
    """Each map and list with its route."""
    if isinstance(node, Mapping | Sequence):
        yield route, node
        steps = node.entries.items() if isinstance(node, Mapping) else enumerate(node.items)
        for step, inner in steps:
            yield from _list_nodes(inner, (*route, step))


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
    for _, secret in find_secrets(node):
        for line in secret.splitlines():
            remember_secret(line.strip())


def remember_secrets_in_text(text: str) -> None:
    """As `remember_secrets`, for YAML that may not be readable."""
    for entry in _ENTRY.finditer(text):
        _remember((entry["name"],), entry["value"].strip("\"'"))
    for quoted in _QUOTED.finditer(text):
        written = quoted["written"]
        if "\\" in written and find_secret(_ESCAPE.sub(_read_escape, written)):
            remember_secret(written)


def _read_escape(match: re.Match[str]) -> str:
    code = int(match[1][1:], 16) if len(match[1]) > 1 else ord(match[1])
    return chr(code) if code < 0x110000 else ""


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
