"""Keys that the framework does not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qwen_recipes.backends.native_config import KeyChange, KnownKeys, NativeConfig
from qwen_recipes.backends.native_modules import get_default_version, import_backend_module
from qwen_recipes.backends.native_violation import NativeViolation
from qwen_recipes.finding import Route, Severity, format_route
from qwen_recipes.recipe.other_names import FIELDS_BY_NATIVE_KEY
from qwen_recipes.recipe.suggestions import find_closest_match
from qwen_recipes.yaml_text.nodes import Mapping as Map
from qwen_recipes.yaml_text.nodes import Node, Scalar, Sequence, plain_data


def check_qr702(config: NativeConfig) -> Iterator[NativeViolation]:
    """Every key, at the top and inside, that nothing reads."""
    vocabulary = config.known_keys
    root = config.document.root
    if not vocabulary.keys or not isinstance(root, Map):
        return
    for key in root.entries:
        if not is_key_read(key, config, vocabulary):
            yield from _check_top_level_key(key, config, vocabulary)
    if config.traits.checks_nested_keys:
        for route, siblings in find_unknown_nested_keys(root, vocabulary.schema):
            if not is_changed_key(route, config.key_changes):
                yield _make_nested_violation(route, siblings, config)


def is_key_read(key: str, config: NativeConfig, vocabulary: KnownKeys) -> bool:
    """Whether the key is known, renamed (another guard's matter), or an anchor's holder that means nothing."""
    name = key.replace("-", "_") if config.traits.reads_dashes else key
    holder = bool(config.traits.ignored_prefixes) and key.startswith(config.traits.ignored_prefixes)
    return name in vocabulary.keys or key == "<<" or holder or is_changed_key((key,), config.key_changes, config)


def is_changed_key(route: Route, changes: Iterable[KeyChange], config: NativeConfig | None = None) -> bool:
    """Whether the table of renamed and removed keys speaks of it at this version."""
    name = format_route_pattern(route)
    return any(
        change.key == name and (config is None or not change.commands or config.command in change.commands)
        for change in changes
    )


def format_route_pattern(route: Route) -> str:
    """`datasets[].type` of a route into any entry."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in route).lstrip(".")


def _check_top_level_key(key: str, config: NativeConfig, vocabulary: KnownKeys) -> Iterator[NativeViolation]:
    title = describe_known_version(config)
    whole = expand_abbreviation(key, config, vocabulary)
    if whole:
        message = f"`{key}` is not a key of {title}, which reads it as `{whole}`"
        yield NativeViolation((key,), message, f"write `{whole}`", severity="warning", at_key=True)
        return
    reader = vocabulary.other_readers.get(key.replace("-", "_"))
    empty = config.document.find_node((key,))
    nothing = isinstance(empty, Scalar) and empty.value is None
    severity: Severity | None = (
        None if vocabulary.is_complete and is_known_version(config) and not nothing else "warning"
    )
    message = f"`{key}` is not a key of {title}: {config.traits.unknown_key_effect}"
    if reader and config.traits.lists_plugins:
        message = f"`{key}` is read by a plugin that is not listed: {config.traits.unknown_key_effect}"
    elif reader:
        command = config.traits.format_command(config.command)
        message = f"`{key}` is not a key of `{command}`: {config.traits.unknown_key_effect}"
    yield NativeViolation(
        (key,),
        message,
        suggest_key(key, reader, config, vocabulary),
        config.traits.unknown_key_reason,
        severity,
        at_key=True,
    )


def describe_known_version(config: NativeConfig) -> str:
    """The framework and the version whose keys are known, which may be another than the one in use."""
    return f"{config.title} {get_default_version(config.backend)}"


def is_known_version(config: NativeConfig) -> bool:
    """Whether the version in use is the one whose keys are known."""
    return config.version == get_default_version(config.backend)


def expand_abbreviation(key: str, config: NativeConfig, vocabulary: KnownKeys) -> str | None:
    """The one key that argparse completes this to."""
    if config.form not in config.traits.completes_in:
        return None
    name = key.replace("-", "_")
    whole = [known for known in vocabulary.keys if known.startswith(name)]
    return whole[0] if len(whole) == 1 and len(name) > 1 else None


def suggest_key(key: str, reader: str | None, config: NativeConfig, vocabulary: KnownKeys) -> str:
    """What was probably meant, or who would read it."""
    if reader and config.traits.lists_plugins:
        return f"list {reader} under `plugins`, or remove `{key}`"
    same = find_equivalent_key(key, vocabulary.keys, config.backend)
    if same is None and not reader:
        same = find_closest_match(key, sorted(vocabulary.keys))
    if same and same != key:
        root = config.document.root
        there = isinstance(root, Map) and same in {name.replace("-", "_") for name in root.entries}
        return f"remove `{key}`: `{same}` is set" if there else f"did you mean `{same}`?"
    return f"{reader} reads it; remove it here" if reader else f"remove `{key}`"


def find_equivalent_key(key: str, known: Iterable[str], backend: str) -> str | None:
    """The framework's own word for what `key` says in another framework."""
    ours = FIELDS_BY_NATIVE_KEY.get(key)
    if ours is None:
        return None
    words, leaf = {*known}, ours.rpartition(".")[2]
    governed = import_backend_module(backend, "governed_keys").KEYS_BY_FIELD.get(ours, ())
    candidates = (*governed, *(word for word, field in FIELDS_BY_NATIVE_KEY.items() if field == ours), leaf)
    return next((word for word in candidates if word in words), None)


def find_unknown_nested_keys(root: Map, schema: Mapping[str, Any]) -> Iterator[tuple[Route, list[str]]]:
    """Unknown keys below the top level, each with the keys that its place knows."""
    for key, node in root.entries.items():
        yield from find_unknown_in_node(node, schema["properties"].get(key, {}), schema, (key,))


def find_unknown_in_node(
    node: Node, part: Mapping[str, object], schema: Mapping[str, object], route: Route
) -> list[tuple[Route, list[str]]]:
    """Unknown keys in `node` by the alternative of its schema that leaves the fewest."""
    options = [resolve_reference(option, schema) for option in list_alternatives(part, schema)]
    found = [
        _find_unknown_in_children(node, option, schema, route) for option in options if has_schema_type(node, option)
    ]
    return min(found, key=len) if found else []


def list_alternatives(part: Mapping[str, object], schema: Mapping[str, object]) -> list[Mapping[str, Any]]:
    """The alternatives of a schema, those within alternatives too."""
    whole = resolve_reference(part, schema)
    return (
        [inner for option in whole["anyOf"] for inner in list_alternatives(option, schema)]
        if "anyOf" in whole
        else [whole]
    )


def resolve_reference(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` refers to."""
    reference = part.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else part


def has_schema_type(node: Node, option: Mapping[str, Any]) -> bool:
    """Whether the node has the shape that an alternative describes; one that describes none fits all."""
    kinds = option.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    shape = "object" if isinstance(node, Map) else "array" if isinstance(node, Sequence) else "scalar"
    return not kinds or (shape in kinds if shape != "scalar" else bool({*kinds} - {"object", "array"}))


def _find_unknown_in_children(
    node: Node, option: Mapping[str, Any], schema: Mapping[str, Any], route: Route
) -> list[tuple[Route, list[str]]]:
    found: list[tuple[Route, list[str]]] = []
    if isinstance(node, Map):
        known = option.get("properties", {})
        for key, child in node.entries.items():
            if key in known:
                found += find_unknown_in_node(child, known[key], schema, (*route, key))
            elif option.get("additionalProperties") is False:
                found.append(((*route, key), list(known)))
    elif isinstance(node, Sequence) and isinstance(option.get("items"), Mapping):
        for index, child in enumerate(node.items):
            found += find_unknown_in_node(child, option["items"], schema, (*route, index))
    return found


def _make_nested_violation(route: Route, siblings: list[str], config: NativeConfig) -> NativeViolation:
    near = find_closest_match(str(route[-1]), siblings)
    write = f"did you mean `{near}`?" if near else f"remove `{route[-1]}`"
    node = config.document.find_node(route)
    known = config.traits.explain_nested_key(config, route, plain_data(node) if node else None)
    usual = f"`{format_route(route)}` is not a key of {describe_known_version(config)}"
    message = (known.effect or f"{usual}: {config.traits.unknown_key_effect}") + known.remark
    nothing = known.harmless or (isinstance(node, Scalar) and node.value is None)
    return NativeViolation(
        route,
        message,
        write,
        config.traits.unknown_key_reason,
        None if is_known_version(config) and not nothing else "warning",
        at_key=True,
    )
