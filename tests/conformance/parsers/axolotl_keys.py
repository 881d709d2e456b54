"""Keys of a config that no class of Axolotl's has a field for: its pydantic models drop them silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, get_args

READ_BEFORE_VALIDATION = {"axolotl_config_path", "beta", "fsdp", "unsloth_cross_entropy_loss"}
"""Keys that validators look at though no model has a field for them."""
DATASET_CLASS = {"dpo": "DPODataset", "ipo": "DPODataset", "simpo": "DPODataset", "kto": "KTODataset"}
"""The class an entry of `datasets` is made into, by `rl` (axolotl.utils.config.validate_config)."""


def find_unknown_keys(config: Mapping[str, Any]) -> list[str]:
    """Dotted paths of the dropped keys, in the file's order; the config's plugins must be registered already."""
    model = import_module("axolotl.integrations.config").merge_input_args()[1]
    return list(find_dropped_keys(config, model, "", str(config.get("rl"))))


def find_dropped_keys(values: Mapping[str, Any], model: Any, prefix: str, objective: str) -> Iterator[str]:
    """Paths under `prefix` that `model` has no field for."""
    fields = fields_by_alias(model)
    for key, value in values.items():
        if key in fields:
            inside = find_models(fields[key].annotation, "datasets" if prefix + key == "datasets" else key, objective)
            yield from find_nested_dropped_keys(value, inside, prefix + key, objective)
        elif prefix or key not in READ_BEFORE_VALIDATION:
            yield f"{prefix}{key}"


def find_nested_dropped_keys(value: Any, models: list[Any], path: str, objective: str) -> Iterator[str]:
    """Dropped keys of a mapping, or of each mapping of a list, by the class that drops the fewest."""
    many = isinstance(value, list)
    for index, item in enumerate(value if many else [value]):
        if isinstance(item, Mapping) and models:
            where = f"{path}[{index}]." if many else f"{path}."
            entry = strip_fsdp_prefix(item) if path == "fsdp_config" else item
            yield from min((list(find_dropped_keys(entry, model, where, objective)) for model in models), key=len)


def fields_by_alias(model: Any) -> dict[str, Any]:
    """The model's fields by every name that a config may give them."""
    found = dict(model.model_fields)
    for field in model.model_fields.values():
        for alias in (field.alias, field.validation_alias):
            names = [alias] if isinstance(alias, str) else getattr(alias, "choices", None) or ()
            found.update(dict.fromkeys(names, field))
    return found


def find_models(annotation: Any, key: str, objective: str) -> list[Any]:
    """The pydantic models in an annotation; for `datasets`, the one that Axolotl makes of an entry."""
    if isinstance(annotation, type):
        return [annotation] if hasattr(annotation, "model_fields") else []
    found = [model for part in get_args(annotation) for model in find_models(part, "", objective)]
    chosen = DATASET_CLASS.get(objective, "SFTDataset")
    wanted = [model for model in found if model.__name__ in (chosen, "SyntheticDataset")]
    return wanted if key == "datasets" and wanted else found


def strip_fsdp_prefix(entry: Mapping[str, Any]) -> dict[str, Any]:
    """`fsdp_offload_params` is taken for `offload_params` (check_fsdp_config_kwargs_prefix)."""
    return {key if key == "fsdp_version" else key.removeprefix("fsdp_"): value for key, value in entry.items()}
