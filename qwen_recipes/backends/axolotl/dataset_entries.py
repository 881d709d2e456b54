"""What Axolotl reads of an entry of `datasets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.native_config import NativeConfig, NestedKey
from qwen_recipes.backends.native_modules import get_default_version
from qwen_recipes.finding import Route, format_route

DATASET_CLASSES = {"dpo": "DPODataset", "ipo": "DPODataset", "simpo": "DPODataset", "kto": "KTODataset"}
"""What Axolotl makes of an entry of `datasets`, by `rl`."""
DPO_DEFAULTS: dict[str, dict[str, Any]] = {
    "message_property_mappings": {"role": "role", "content": "content"},
    "roles": {"user": ["user"], "assistant": ["assistant"], "system": ["system"], "tool": ["tool"]},
}
"""What Axolotl's DPO strategy takes where an entry of `datasets` says nothing: dropping just that changes nothing."""


def narrow_entries(schema: Mapping[str, Any], objective: Any) -> dict[str, Any]:
    """The schema with the class that Axolotl makes of an entry of `datasets` under this `rl`."""
    entry = DATASET_CLASSES.get(str(objective), "Dataset")
    choices = [schema["$defs"][entry], schema["$defs"]["SyntheticDataset"]]
    datasets = {"type": "array", "items": {"anyOf": choices}}
    return {**schema, "properties": {**schema["properties"], "datasets": datasets}}


def explain_nested_key(config: NativeConfig, route: Route, value: object) -> NestedKey:
    """Under an `rl` with a class of its own for an entry, what only other classes read is dropped."""
    objective = str(config.data.get("rl"))
    if objective not in DATASET_CLASSES:
        return NestedKey()
    title = f"{config.title} {get_default_version(config.backend)}"
    dropped = f"with `rl: {objective}` {title} silently drops `{format_route(route)}`"
    default = is_strategy_default(route, value)
    remark = "; it sets the default value, so it can be removed" if default else ""
    return NestedKey(dropped if route[0] == "datasets" else "", remark, default)


def is_strategy_default(route: Route, value: object) -> bool:
    """Whether an entry of `datasets` only says what its strategy does anyway."""
    default = DPO_DEFAULTS.get(str(route[-1]), {}) if route[0] == "datasets" and len(route) == 3 else {}
    return isinstance(value, dict) and bool(value) and all(default.get(key) == one for key, one in value.items())
