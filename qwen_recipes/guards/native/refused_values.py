"""Values that the framework does not take: no word of its list, of another type, or out of bounds."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation
from qwen_recipes.finding import Route, format_route
from qwen_recipes.guards.native.chat_templates import suggest_template
from qwen_recipes.guards.native.misread_values import YAML_1_1_BOOLEANS, list_schema_types
from qwen_recipes.guards.native.unknown_keys import describe_known_version, is_known_version, list_alternatives
from qwen_recipes.qwen.chat_templates import TEMPLATES
from qwen_recipes.recipe.suggestions import find_closest_match
from qwen_recipes.yaml_text.nodes import Mapping as Map
from qwen_recipes.yaml_text.nodes import Node, Scalar, Sequence

Schema = Mapping[str, Any]
SWITCH_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n"))
MOST_LISTED = 12
"""Accepted values that a suggestion names."""
BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "minimum": ("at least", operator.ge),
    "maximum": ("at most", operator.le),
    "exclusiveMinimum": ("more than", operator.gt),
    "exclusiveMaximum": ("less than", operator.lt),
}
TYPE_NAMES = {"boolean": "true or false", "integer": "a whole number", "number": "a number", "object": "a map"}


class RefusedValue(NamedTuple):
    """A value, where it stands, and the alternatives of its schema, none of which it is."""

    route: Route
    value: Any
    options: list[Schema]


def check_qr708(config: NativeConfig) -> Iterator[NativeViolation]:
    """Values, at the top and inside, that the framework's own classes refuse."""
    schema, root = config.known_keys.schema, config.document.root
    if "properties" not in schema or not isinstance(root, Map):
        return
    for key, node in root.entries.items():
        name = key.replace("-", "_") if config.traits.reads_dashes else key
        part = schema["properties"].get(name)
        if part is not None and not _is_changed(config, key, node):
            for refused in find_refused_values(node, part, schema, (key,)):
                if not (is_listed(refused) and config.traits.can_register_values(config.data)):
                    yield _make_violation(refused, config)


def _is_changed(config: NativeConfig, key: str, node: Node) -> bool:
    """Whether the table of changes speaks of this key with this value."""
    value = node.value if isinstance(node, Scalar) else node
    return any(change.key == key and change.affects(value) for change in config.key_changes)


def find_refused_values(node: Node, part: Schema, schema: Schema, route: Route) -> list[RefusedValue]:
    """The values in `node` that no alternative of its schema takes; of several alternatives by the best."""
    options = list_alternatives(part, schema)
    if isinstance(node, Scalar):
        taken = is_unread(node) or any(accepts_scalar(option, node) for option in options)
        return [] if taken else [RefusedValue(route, node.value, options)]
    wanted = "object" if isinstance(node, Map) else "array"
    shaped = [option for option in options if not describes_scalar(option) or wanted in list_schema_types(option)]
    if isinstance(node, Map) and any("string" in list_schema_types(option) for option in options):
        return []
    if shaped:
        return min((_find_in_children(node, option, schema, route) for option in shaped), key=len)
    if isinstance(node, Sequence) and any(isinstance(item, Scalar) and is_unread(item) for item in node.items):
        return []
    return [RefusedValue(route, node, options)]


def _find_in_children(node: Node, option: Schema, schema: Schema, route: Route) -> list[RefusedValue]:
    found: list[RefusedValue] = []
    if isinstance(node, Map):
        known = option.get("properties", {})
        for key, child in node.entries.items():
            if key in known:
                found += find_refused_values(child, known[key], schema, (*route, key))
    elif isinstance(node, Sequence) and isinstance(option.get("items"), Mapping):
        for index, child in enumerate(node.items):
            found += find_refused_values(child, option["items"], schema, (*route, index))
    return found


def describes_scalar(option: Schema) -> bool:
    """Whether an alternative says that the value is no list and no map."""
    return "enum" in option or (bool(list_schema_types(option)) and not list_schema_types(option) & {"object", "array"})


def is_unread(node: Scalar) -> bool:
    """Whether a value can't be judged: none, one that a variable has, or a word that YAML 1.1 reads as a switch."""
    text = node.value if isinstance(node.value, str) else ""
    return node.value is None or "$" in text or "{{" in text or node.raw.lower() in YAML_1_1_BOOLEANS


def accepts_scalar(option: Schema, node: Scalar) -> bool:
    """Whether an alternative takes a number, a switch or a text; a text that says a number counts as one."""
    if "enum" in option:
        return node.value in option["enum"] or node.raw in map(str, option["enum"])
    if "pattern" in option:
        return isinstance(node.value, str) and re.search(option["pattern"], node.value) is not None
    kinds = list_schema_types(option)
    if not kinds or kinds & {"string", "object", "array"}:
        return True
    if isinstance(node.value, bool) or ("boolean" in kinds and node.raw.lower() in SWITCH_WORDS):
        return True
    number = read_number(node)
    whole = number is not None and ("number" in kinds or ("integer" in kinds and number.is_integer()))
    return whole and find_broken_bound(option, number) is None


def read_number(node: Scalar) -> float | None:
    """The number that a value is, or says as text; None for a switch and for other text."""
    if isinstance(node.value, bool):
        return None
    try:
        return float(node.value if isinstance(node.value, (int, float)) else node.raw)
    except ValueError:
        return None


def find_broken_bound(option: Schema, number: float | None) -> str | None:
    """The bound that a number breaks, in words; None where it keeps all."""
    for name, (words, keeps) in BOUNDS.items():
        if number is not None and name in option and not keeps(number, option[name]):
            return f"{words} {option[name]}"
    return None


def is_listed(refused: RefusedValue) -> bool:
    """Whether the framework has a list of the values that this one could be."""
    return any("enum" in option for option in refused.options)


def _make_violation(refused: RefusedValue, config: NativeConfig) -> NativeViolation:
    key, title = format_route(refused.route), describe_known_version(config)
    listed = [value for option in refused.options for value in option.get("enum", ()) if value is not None]
    if listed:
        message = f"`{_show(refused.value)}` is not a value of `{key}` in {title}"
        suggestion = suggest_value(refused, listed, config)
    else:
        wanted = _describe_wanted(refused)
        message = f"`{key}` is {wanted} in {title}, not `{_show(refused.value)}`"
        suggestion = f"{refused.route[-1]}: {wanted}"
    return NativeViolation(refused.route, message, suggestion, severity=None if is_known_version(config) else "warning")


def suggest_value(refused: RefusedValue, listed: list[object], config: NativeConfig) -> str:
    """The listed value that was probably meant, or the list; of a Qwen3 model's template the one that fits."""
    meaning, key, value = config.interpreted_settings, str(refused.route[-1]), refused.value
    known = meaning.model_facts is not None and meaning.model_facts.variant in TEMPLATES
    if known and meaning.template and meaning.template.route == refused.route:
        return suggest_template(config, meaning.model_facts.variant)  # type: ignore[union-attr]
    words = [str(one).lower() if isinstance(one, bool) else str(one) for one in listed]
    near = find_closest_match(value, words) if isinstance(value, str) else None
    if near:
        return f"{key}: {near}"
    more = f" and {len(words) - MOST_LISTED} more" if len(words) > MOST_LISTED else ""
    return f"set `{key}` to one of {', '.join(words[:MOST_LISTED])}{more}"


def _describe_wanted(refused: RefusedValue) -> str:
    number = None if isinstance(refused.value, bool) else refused.value
    bounds = (find_broken_bound(o, number) for o in refused.options if isinstance(number, (int, float)))
    if broken := next((bound for bound in bounds if bound), ""):
        return broken
    kinds = [kind for option in refused.options for kind in TYPE_NAMES if kind in list_schema_types(option)]
    return " or ".join(TYPE_NAMES[kind] for kind in dict.fromkeys(kinds)) or "text"


def _show(value: object) -> str:
    if isinstance(value, (Map, Sequence)):
        return "a map" if isinstance(value, Map) else "a list"
    return str(value).lower() if isinstance(value, bool) else str(value)
