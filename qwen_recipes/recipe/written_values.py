"""Every value that a recipe's text holds, and the secrets among them, before anything is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qwen_recipes.finding import Route
from qwen_recipes.recipe.secrets import find_password, find_secret, is_placeholder, is_secret_name, remember_secret
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Sequence
from qwen_recipes.yaml_text.reader import read_yaml

_ENTRY = re.compile(r"""(?P<name>[\w.-]{1,100})["']?[ \t]{0,8}:[ \t]{1,8}(?P<value>[^\s,{}[\]#][^\n,{}[\]]{0,500})""")
"""`name: value` on a line or in a map between braces."""


def list_values(node: Node, route: Route = ()) -> Iterator[tuple[Route, str, object]]:
    """Each value with its route and the key it stands under."""
    if isinstance(node, Mapping):
        for key, inner in node.entries.items():
            yield from list_values(inner, (*route, key))
    elif isinstance(node, Sequence):
        for place, inner in enumerate(node.items):
            yield from list_values(inner, (*route, place))
    else:
        name = next((str(step) for step in reversed(route) if isinstance(step, str)), "")
        yield route, name, node.value


def read_recipe_yaml(content: bytes | str, name: str) -> Document:
    """As `read_yaml`; a secret of the text is hidden from here on, also in what is said of text that can't be read."""
    remember_secrets_in_text(content if isinstance(content, str) else content.decode("utf-8", "replace"))
    document = read_yaml(content, name)
    remember_secrets(document.root)
    return document


def remember_secrets(node: Node) -> None:
    """Let nothing that this process prints show a secret of these values, errors of reading them included.

    Wider than what QR707 reports: under a name of a secret any text and number is one, however deep and long.
    """
    for route, _, value in list_values(node):
        _remember(route, value)


def remember_secrets_in_text(text: str) -> None:
    """As `remember_secrets`, for YAML that may not be readable."""
    for entry in _ENTRY.finditer(text):
        _remember((entry["name"],), entry["value"].strip("\"'"))


def remember_secrets_in_overrides(overrides: Iterable[str]) -> None:
    """As `remember_secrets`, for `path=value`."""
    for one in overrides:
        path, _, value = one.partition("=")
        _remember((path,), value)
        remember_secrets_in_text(value)


def _remember(route: Route, value: object) -> None:
    named = any(isinstance(step, str) and is_secret_name(step) for step in route)
    if named and isinstance(value, str | int) and not isinstance(value, bool):
        for line in str(value).splitlines():
            if not is_placeholder(line):
                remember_secret(line.strip())
    elif secret := find_secret(value) or find_password(value):
        remember_secret(secret)
