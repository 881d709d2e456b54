"""Keys that the framework does not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qwen_recipes.backends.native import Change, NativeConfig, Vocabulary, backend_version
from qwen_recipes.guards.native.base import NativeHit
from qwen_recipes.recipe.finding import Route, Severity, dotted
from qwen_recipes.recipe.nodes import Mapping as Map
from qwen_recipes.recipe.nodes import Node, Scalar, Sequence, plain_data
from qwen_recipes.recipe.words import SAID_ELSEWHERE, nearest

OBJECTIVES = {"dpo": "DPODataset", "ipo": "DPODataset", "simpo": "DPODataset", "kto": "KTODataset"}
"""What Axolotl makes of an entry of `datasets`, by `rl`."""
DPO_DEFAULTS: dict[str, dict[str, Any]] = {
    "message_property_mappings": {"role": "role", "content": "content"},
    "roles": {"user": ["user"], "assistant": ["assistant"], "system": ["system"], "tool": ["tool"]},
}
"""What Axolotl's DPO strategy takes where an entry of `datasets` says nothing: dropping just that changes nothing."""
CONSEQUENCE = {
    "axolotl": "it is dropped without a word",
    "llamafactory": "the parser refuses it",
    "ms-swift": "the parser refuses it",
}
WHY = {
    "axolotl": "its classes take the keys that they know and leave out the others: training runs without the line",
    "llamafactory": "the run ends before it starts, with an error that names no line",
    "ms-swift": "the run ends before it starts, with an error that names no line",
}
TITLES = {"axolotl": "Axolotl", "llamafactory": "LLaMA-Factory", "ms-swift": "ms-swift"}


def qr702(config: NativeConfig) -> Iterator[NativeHit]:
    """Every key, at the top and inside, that nothing reads."""
    vocabulary = config.vocabulary
    root = config.document.root
    if not vocabulary.keys or not isinstance(root, Map):
        return
    for key in root.entries:
        if not read(key, config, vocabulary):
            yield from _top(key, config, vocabulary)
    if config.backend == "axolotl":
        for route, siblings in inside(root, vocabulary.schema):
            if not changed(route, config.changes):
                yield _nested(route, siblings, config)


def read(key: str, config: NativeConfig, vocabulary: Vocabulary) -> bool:
    """Whether the key is known, renamed (another guard's matter), or an anchor's holder that means nothing."""
    name = key.replace("-", "_") if config.backend == "ms-swift" else key
    holder = key.startswith(("x-", "_", ".")) and config.backend == "axolotl"
    return name in vocabulary.keys or key == "<<" or holder or changed((key,), config.changes, config)


def changed(route: Route, changes: Iterable[Change], config: NativeConfig | None = None) -> bool:
    """Whether the table of renamed and removed keys speaks of it at this version."""
    name = pattern(route)
    return any(
        change.key == name and (config is None or not change.commands or config.command in change.commands)
        for change in changes
    )


def pattern(route: Route) -> str:
    """`datasets[].type` of a route into any entry."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in route).lstrip(".")


def _top(key: str, config: NativeConfig, vocabulary: Vocabulary) -> Iterator[NativeHit]:
    title = known_as(config)
    whole = abbreviated(key, config, vocabulary)
    if whole:
        message = f"`{key}` is no key of {title}, which takes it for `{whole}`"
        yield NativeHit((key,), message, f"write `{whole}`", severity="warning", at_key=True)
        return
    reader = vocabulary.elsewhere.get(key.replace("-", "_"))
    empty = config.document.node((key,))
    nothing = isinstance(empty, Scalar) and empty.value is None
    severity: Severity | None = None if vocabulary.reads_all and sure(config) and not nothing else "warning"
    message = f"`{key}` is no key of {title}: {CONSEQUENCE[config.backend]}"
    if reader and config.backend == "axolotl":
        message = f"`{key}` is read by a plugin that is not listed: {CONSEQUENCE['axolotl']}"
    elif reader:
        message = f"`{key}` is no key of `{called(config)}`: {CONSEQUENCE[config.backend]}"
    yield NativeHit(
        (key,), message, instead(key, reader, config, vocabulary), WHY[config.backend], severity, at_key=True
    )


def known_as(config: NativeConfig) -> str:
    """The framework and the version whose keys are known, which may be another than the one in use."""
    return f"{TITLES[config.backend]} {backend_version(config.backend)}"


def sure(config: NativeConfig) -> bool:
    """Whether the version in use is the one whose keys are known."""
    return config.version == backend_version(config.backend)


def called(config: NativeConfig) -> str:
    """The command as a person types it."""
    return config.command if config.command.startswith("megatron") else f"swift {config.command}"


def abbreviated(key: str, config: NativeConfig, vocabulary: Vocabulary) -> str | None:
    """The one key that argparse completes this to; YAML of ms-swift becomes flags as well."""
    if config.backend == "axolotl" or (config.backend == "llamafactory" and config.form == "yaml"):
        return None
    name = key.replace("-", "_")
    whole = [known for known in vocabulary.keys if known.startswith(name)]
    return whole[0] if len(whole) == 1 and len(name) > 1 else None


def instead(key: str, reader: str | None, config: NativeConfig, vocabulary: Vocabulary) -> str:
    """What was probably meant, or who would read it."""
    if reader and config.backend == "axolotl":
        return f"list {reader} under `plugins`, or remove `{key}`"
    same = same_meaning(key, vocabulary.keys) or nearest(key, sorted(vocabulary.keys))
    if same and same != key:
        return f"did you mean `{same}`?"
    return f"{reader} reads it; remove it here" if reader else f"remove `{key}`"


def same_meaning(key: str, known: Iterable[str]) -> str | None:
    """The framework's own word for what `key` says in another framework."""
    ours = SAID_ELSEWHERE.get(key)
    if ours is None:
        return None
    words = {*known}
    leaf = ours.rpartition(".")[2]
    return next(
        (w for w, field in SAID_ELSEWHERE.items() if field == ours and w in words), leaf if leaf in words else None
    )


def inside(root: Map, schema: Mapping[str, Any]) -> Iterator[tuple[Route, list[str]]]:
    """Unknown keys below the top level, each with the keys that its place knows."""
    objective = root.entries.get("rl")
    entry = OBJECTIVES.get(str(objective.value) if isinstance(objective, Scalar) else "", "Dataset")
    for key, node in root.entries.items():
        part = schema["properties"].get(key, {})
        if key == "datasets":
            choices = [schema["$defs"][entry], schema["$defs"]["SyntheticDataset"]]
            part = {"type": "array", "items": {"anyOf": choices}}
        yield from walk(node, part, schema, (key,))


def walk(node: Node, part: Mapping[str, Any], schema: Mapping[str, Any], route: Route) -> list[tuple[Route, list[str]]]:
    """Unknown keys in `node` by the alternative of its schema that leaves the fewest."""
    options = [resolved(option, schema) for option in alternatives(part, schema)]
    found = [_under(node, option, schema, route) for option in options if fits(node, option)]
    return min(found, key=len) if found else []


def alternatives(part: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of a schema, those within alternatives too."""
    whole = resolved(part, schema)
    return (
        [inner for option in whole["anyOf"] for inner in alternatives(option, schema)] if "anyOf" in whole else [whole]
    )


def resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` refers to."""
    reference = part.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else part


def fits(node: Node, option: Mapping[str, Any]) -> bool:
    """Whether the node has the shape that an alternative describes; one that describes none fits all."""
    kinds = option.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    shape = "object" if isinstance(node, Map) else "array" if isinstance(node, Sequence) else "scalar"
    return not kinds or (shape in kinds if shape != "scalar" else bool({*kinds} - {"object", "array"}))


def _under(
    node: Node, option: Mapping[str, Any], schema: Mapping[str, Any], route: Route
) -> list[tuple[Route, list[str]]]:
    found: list[tuple[Route, list[str]]] = []
    if isinstance(node, Map):
        known = option.get("properties", {})
        for key, child in node.entries.items():
            if key in known:
                found += walk(child, known[key], schema, (*route, key))
            elif option.get("additionalProperties") is False:
                found.append(((*route, key), list(known)))
    elif isinstance(node, Sequence) and isinstance(option.get("items"), Mapping):
        for index, child in enumerate(node.items):
            found += walk(child, option["items"], schema, (*route, index))
    return found


def _nested(route: Route, siblings: list[str], config: NativeConfig) -> NativeHit:
    near = nearest(str(route[-1]), siblings)
    write = f"did you mean `{near}`?" if near else f"remove `{route[-1]}`"
    message = f"`{dotted(route)}` is no key of {known_as(config)}: {CONSEQUENCE['axolotl']}"
    objective = str(config.data.get("rl"))
    if route[0] == "datasets" and objective in OBJECTIVES:
        message = f"with `rl: {objective}` {known_as(config)} drops `{dotted(route)}` without a word"
    node = config.document.node(route)
    nothing = isinstance(node, Scalar) and node.value is None
    if objective in OBJECTIVES and said_by_default(route, plain_data(node) if node else None):
        message, nothing = f"{message}; it says what holds without it", True
    return NativeHit(
        route, message, write, WHY["axolotl"], None if sure(config) and not nothing else "warning", at_key=True
    )


def said_by_default(route: Route, value: Any) -> bool:
    """Whether an entry of `datasets` only says what its strategy does anyway."""
    default = DPO_DEFAULTS.get(str(route[-1]), {}) if route[0] == "datasets" and len(route) == 3 else {}
    return isinstance(value, dict) and bool(value) and all(default.get(key) == one for key, one in value.items())
