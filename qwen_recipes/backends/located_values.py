"""Values of a native config, each with the key that sets it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qwen_recipes.finding import Route
from qwen_recipes.qwen.facts import ModelFacts


@dataclass(frozen=True)
class LocatedValue:
    """A value of the config by its recipe field, and the key that sets it."""

    value: Any
    route: Route


def read_value(data: Mapping[str, object], *keys: str) -> LocatedValue | None:
    """The first of these keys that has a value which the file itself tells."""
    for key in keys:
        value = data.get(key)
        if value is not None and not (isinstance(value, str) and "$" in value):
            return LocatedValue(value, (key,))
    return None


def read_switch(data: Mapping[str, object], key: str) -> LocatedValue | None:
    """The key where it is on; `yes`, `on` and their like count, as YAML 1.1 reads them."""
    on = data.get(key)
    truly = on is True or (isinstance(on, str) and on.lower() in ("true", "yes", "on", "1"))
    return LocatedValue(True, (key,)) if truly else None


def split_names(value: object) -> list[str]:
    """Names given as a list, or as text with commas or blanks."""
    return [str(item) for item in value] if isinstance(value, list) else re.split(r"[,\s]+", str(value).strip())


def parse_deepspeed_stage(value: object) -> str | None:
    """Our name for a DeepSpeed setting: its stage, from a map or from the name of a file that says it."""
    if isinstance(value, Mapping):
        zero = value.get("zero_optimization")
        stage = zero.get("stage") if isinstance(zero, Mapping) else None
        return f"zero{stage}" if stage in (1, 2, 3) else None
    if not isinstance(value, str) or "$" in value.rpartition("/")[2]:
        return None
    name = value.rpartition("/")[2].lower()
    found = re.search(r"(?:zero|stage|(?:^|[_-])z)[_-]?([0-3])(?![0-9])", name)
    return f"zero{found.group(1)}" if found else None


def find_model_facts(model: LocatedValue | None) -> ModelFacts | None:
    """The facts of a release, whichever organisation's copy it is, of a folder, or of a model in the hub's cache."""
    from qwen_recipes.qwen.models import REGISTRY, ModelFolderError, UnknownModelError, get_model_facts

    if model is None or not isinstance(model.value, str):
        return None
    names = {known.partition("/")[2].lower(): facts for known, facts in REGISTRY.items()}
    if found := names.get(model.value.rstrip("/").rpartition("/")[2].lower()):
        return found
    try:
        return get_model_facts(model.value)
    except (UnknownModelError, ModelFolderError):
        return None
