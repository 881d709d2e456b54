"""Axolotl's config file, from the pydantic models it validates with; Liger's and CutCrossEntropy's included."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .annotation_schemas import Schema, add_bounds, enum_schema, schema_from_annotation
from .schema_document import add_default, frame_schema, print_schema

PLUGINS = (
    "axolotl.integrations.liger.args.LigerArgs",
    "axolotl.integrations.cut_cross_entropy.args.CutCrossEntropyArgs",
)
READ_BEFORE_VALIDATION = ("beta", "fsdp", "unsloth_cross_entropy_loss")
"""Keys that axolotl.utils.schemas.validation and config look at though no model has a field for them."""
DATASET_BY_RL = {"DPODataset": ["dpo", "ipo", "simpo"], "KTODataset": ["kto"]}
"""The class an entry of `datasets` is made into, by `rl` (axolotl.utils.config.validate_config)."""
OTHER_DATASETS = ("SFTDataset", "StepwiseSupervisedDataset", "SyntheticDataset")


class ModelSchemas:
    """The pydantic models met on the way, each once, under `$defs`."""

    def __init__(self) -> None:
        self.defs: Schema = {}

    def reference_model(self, model: Any) -> Schema:
        name = model.__name__
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = self.describe_model(model)
        return {"$ref": f"#/$defs/{name}"}

    def describe_model(self, model: Any) -> Schema:
        return {"type": "object", "additionalProperties": False, "properties": self.list_properties(model)}

    def list_properties(self, model: Any) -> Schema:
        found: Schema = {}
        for name, field in model.model_fields.items():
            schema = add_bounds(schema_from_annotation(field.annotation, self.reference_model) or {}, field.metadata)
            if field.default_factory is None and not field.is_required():
                schema = add_default(schema, field.default)
            found.update(dict.fromkeys(list_spellings(name, field), schema))
        return found


def list_spellings(name: str, field: Any) -> set[str]:
    names = {name}
    for alias in (field.alias, field.validation_alias):
        names.update([alias] if isinstance(alias, str) else getattr(alias, "choices", None) or ())
    return names


def late_checked_fields() -> Schema:
    """Fields that are plain strings in the models and are looked up in these enums when training starts."""
    enums = import_module("axolotl.utils.schemas.enums")
    trainer = import_module("transformers.trainer_utils")
    optimizers = [item.value for item in import_module("transformers.training_args").OptimizerNames]
    custom = [item.value for item in enums.CustomSupportedOptimizers]
    schedules = [item.value for item in trainer.SchedulerType]
    canonical = getattr(enums, "CANONICAL_ATTN_IMPLS", None)
    attention = enum_schema(canonical) if canonical else {"type": "string"}
    return {
        "optimizer": enum_schema([*optimizers, *custom, None]),
        "lr_scheduler": enum_schema([*schedules, "one_cycle", "rex", None]),
        "save_strategy": enum_schema([*(item.value for item in trainer.SaveStrategy), None]),
        "eval_strategy": enum_schema([*(item.value for item in trainer.IntervalStrategy), None]),
        "hub_strategy": enum_schema([*(item.value for item in trainer.HubStrategy), None]),
        "attn_implementation": {"anyOf": [attention, {"type": "string", "pattern": "/"}, {"type": "null"}]},
    }


def accept_old_prefix(fsdp: Schema) -> None:
    """`fsdp_offload_params` is taken for `offload_params` (check_fsdp_config_kwargs_prefix)."""
    fsdp.update({f"fsdp_{name}": schema for name, schema in list(fsdp.items()) if not name.startswith("fsdp_")})


def dataset_condition(defs: Schema) -> Schema:
    """A condition on `rl` that says which fields an entry of `datasets` may have; adds the class `Dataset`."""
    merged: Schema = {}
    for name in reversed(OTHER_DATASETS):
        merged.update(defs[name]["properties"])
    defs["Dataset"] = {"type": "object", "additionalProperties": False, "properties": merged}
    condition = dataset_entries("Dataset")
    for name, objectives in DATASET_BY_RL.items():
        chosen = {"properties": {"rl": {"enum": objectives}}, "required": ["rl"]}
        condition = {"if": chosen, "then": dataset_entries(name), "else": condition}
    return condition


def dataset_entries(name: str) -> Schema:
    return {"properties": {"datasets": {"items": {"$ref": f"#/$defs/{name}"}}}}


def build_schema() -> Schema:
    """The schema; needs Axolotl installed."""
    config = import_module("axolotl.utils.schemas.config")
    models = ModelSchemas()
    properties = models.list_properties(config.AxolotlInputConfig)
    for path in PLUGINS:
        module, name = path.rsplit(".", 1)
        properties.update(models.list_properties(getattr(import_module(module), name)))
    for name, schema in late_checked_fields().items():
        properties[name] = {**schema, "default": properties[name]["default"]}
    properties.update({name: {} for name in READ_BEFORE_VALIDATION if name not in properties})
    accept_old_prefix(models.defs["FSDPConfig"]["properties"])
    more: Schema = {"required": ["base_model", "learning_rate"], "allOf": [dataset_condition(models.defs)]}
    properties["datasets"] = {"type": ["array", "null"], "minItems": 1, "items": {"type": "object"}}
    any_dataset = [{"$ref": f"#/$defs/{name}"} for name in ("Dataset", *DATASET_BY_RL)]
    properties["test_datasets"] = {**properties["datasets"], "items": {"anyOf": any_dataset}}
    version = import_module("axolotl").__version__
    return frame_schema("axolotl", version, "axolotl.py", properties, **more, **{"$defs": models.defs})


if __name__ == "__main__":
    print_schema(build_schema)
