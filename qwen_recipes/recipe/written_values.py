"""Every value that a recipe's text holds, and the secrets among them, before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.finding import Route
from qwen_recipes.recipe.secrets import find_password, find_secret, remember_secret
from qwen_recipes.yaml_text.nodes import Mapping, Node, Sequence


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


def remember_secrets(node: Node) -> None:
    """Let nothing that this process prints show a secret of these values, errors of reading them included."""
    for _, name, value in list_values(node):
        if secret := find_secret(value, name) or find_password(value):
            remember_secret(secret)
