"""Native keys that a recipe adds under `backends.*.extra`, judged as a native config of the plan's kind."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_modules import import_backend_module, list_native_frameworks
from qwen_recipes.finding import Span
from qwen_recipes.guards.base import GuardContext, Violation
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence

_NO_SPAN = Span(1, 1, 1, 1)


def check_extra_keys(code: str, context: GuardContext) -> Iterator[Violation]:
    """What the rule of that code finds in the extra keys, each at its place in the recipe."""
    backend, extra = context.backend, context.plan.extra
    if not extra or backend.name not in list_native_frameworks():
        return
    from qwen_recipes.backends.native_config import NativeConfig
    from qwen_recipes.guards.native.lint_native import load_native_check

    own = import_backend_module(backend.name, "surrounding_config")
    told = {**own.build_surrounding_config(context.plan), **extra}
    document = Document("", "", make_node(told))
    config = NativeConfig(backend.name, backend.version, own.choose_command(context.plan), "yaml", document)
    for hit in load_native_check(code)(config):
        if hit.route[0] in extra and hit.severity != "warning":
            route = ("backends", backend.name, "extra", *hit.route)
            yield Violation(route, hit.message, hit.suggestion, at_key=hit.at_key)


def make_node(value: object) -> Node:
    """A value as a tree that stands nowhere."""
    if isinstance(value, dict):
        entries = {str(key): make_node(child) for key, child in value.items()}
        return Mapping(_NO_SPAN, entries, dict.fromkeys(entries, _NO_SPAN))
    if isinstance(value, list):
        return Sequence(_NO_SPAN, [make_node(child) for child in value])
    return Scalar(_NO_SPAN, value, str(value), not isinstance(value, str))
