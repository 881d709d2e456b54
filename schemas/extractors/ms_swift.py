"""ms-swift's config file, from the dataclass behind `swift sft`, with what `swift rlhf` and `swift pt` add to it.

`megatron sft`, `pt` and `rlhf` have a vocabulary of their own, whole under `$defs`.

A YAML value becomes a command-line word: null would be the text "None", so no key may be null here, and an empty
list is no list at all.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .annotation_schemas import Schema, enum_schema, remove_null, union_schema
from .ms_swift_megatron import load_megatron_class
from .schema_document import build_dataclass_properties, frame_schema, print_schema

ENVIRONMENT: Schema = {"type": "object", "additionalProperties": {"type": ["string", "integer", "number", "boolean"]}}
NOT_MEGATRON = ("loss_type", "optimizer", "tuner_type", "lr_scheduler_type", "eval_strategy", "attn_impl")
"""Names that mean something else to Megatron, or nothing."""
IS_MS_SWIFT_3 = find_spec("swift.llm") is not None
"""Whether this is ms-swift 3, whose parts lie elsewhere and which pre-trains with the same arguments as it tunes."""
ARGUMENTS = "swift.llm" if IS_MS_SWIFT_3 else "swift.arguments"
BASE_ARGUMENTS = "swift.llm.argument.base_args.base_args" if IS_MS_SWIFT_3 else "swift.arguments"
LOSS_SCALES = "swift.plugin.loss_scale.loss_scale" if IS_MS_SWIFT_3 else "swift.loss_scale.mapping"
TABLES = {
    False: {
        "loss_type": ("swift.loss.mapping", "loss_map"),
        "optimizer": ("swift.optimizers.mapping", "optimizers_map"),
        "template": ("swift.template.register", "TEMPLATE_MAPPING"),
        "model_type": ("swift.model.model_meta", "MODEL_MAPPING"),
        "agent_template": ("swift.agent_template.mapping", "agent_template_map"),
    },
    True: {
        "loss_type": ("swift.plugin.loss", "loss_mapping"),
        "optimizer": ("swift.plugin.optimizer", "optimizers_map"),
        "template": ("swift.llm", "TEMPLATE_MAPPING"),
        "model_type": ("swift.llm", "MODEL_MAPPING"),
        "agent_template": ("swift.plugin.agent_template", "agent_templates"),
    },
}
JSON_TEXT = ("columns", "deepspeed", "fsdp", "mcp_server", "model_kwargs", "rope_scaling")
"""Text that is parsed as JSON: a mapping in the YAML is written out as such by `swift.cli.main`."""


def command_line_schema(schema: Schema) -> Schema:
    """A field as the command line takes it: never null, and one word where a list of one is meant."""
    return allow_single_item(remove_null(schema))


def allow_single_item(schema: Schema) -> Schema:
    if "anyOf" in schema:
        return {"anyOf": [allow_single_item(part) for part in schema["anyOf"]]}
    if schema.get("type") == "array":
        return union_schema([{**schema, "minItems": 1}, schema.get("items")])
    return schema


def differs_beyond_default(one: Schema, other: Schema) -> bool:
    """Whether two schemas of a key differ in more than the default."""
    return {**one, "default": None} != {**other, "default": None}


def late_checked_fields() -> Schema:
    """Names that are looked up in a table when the model is loaded or the trainer is built."""
    found = {
        name: enum_schema(getattr(import_module(module), table))
        for name, (module, table) in TABLES[IS_MS_SWIFT_3].items()
    }
    tuners = enum_schema(import_module(BASE_ARGUMENTS).get_supported_tuners())
    found["train_type" if IS_MS_SWIFT_3 else "tuner_type"] = tuners
    trainer = import_module("transformers.trainer_utils")
    found["lr_scheduler_type"] = enum_schema(item.value for item in trainer.SchedulerType)
    found["eval_strategy"] = enum_schema(item.value for item in trainer.IntervalStrategy)
    found["attn_impl"] = attention_schema()
    found["loss_scale"] = {"type": "string", "pattern": loss_scale_pattern()}
    found.update({name: {"type": ["object", "string"]} for name in JSON_TEXT})
    return found


def attention_schema() -> Schema:
    """Names transformers knows, ms-swift's own spelling, and kernels of the hub."""
    known = import_module("transformers.modeling_utils").ALL_ATTENTION_FUNCTIONS.valid_keys()
    own = [name for name in known if "|" not in name]
    return {"anyOf": [enum_schema(["eager", "flash_attn", *own]), {"type": "string", "pattern": "/"}]}


def loss_scale_pattern() -> str:
    """A base strategy, refinements of it, or both, joined by `+` (swift.loss_scale.mapping.get_loss_scale)."""
    mapping = import_module(LOSS_SCALES)
    base, other = ("|".join(sorted(names)) for names in (mapping.ALL_BASE_STRATEGY, mapping.loss_scale_map))
    return f"^({base}|{other})(\\+({other}))*$"


def find_own_defaults(base: Schema, other: Schema) -> dict[str, Any]:
    """Defaults that a subcommand has of its own."""
    return {
        name: schema["default"]
        for name, schema in other.items()
        if "default" in schema and name in base and schema["default"] != base[name].get("default")
    }


def build_schema() -> Schema:
    """The schema; needs ms-swift installed."""
    if not IS_MS_SWIFT_3:
        import_module("swift.template")
        import_module("swift.model")
    arguments = import_module(ARGUMENTS)
    late = late_checked_fields()
    tuning = arguments.TrainArguments if IS_MS_SWIFT_3 else arguments.SftArguments
    sft = build_dataclass_properties(tuning, late, command_line_schema)
    several = {**late, "loss_type": {"type": "array", "items": {"type": "string"}}}
    others = {
        "pt": build_dataclass_properties(
            tuning if IS_MS_SWIFT_3 else arguments.PretrainArguments, late, command_line_schema
        ),
        "rlhf": build_dataclass_properties(arguments.RLHFArguments, several, command_line_schema),
    }
    own = {
        name: {
            key: schema for key, schema in found.items() if key not in sft or differs_beyond_default(schema, sft[key])
        }
        for name, found in others.items()
    }
    own_words = {name: schema for name, schema in late.items() if name not in NOT_MEGATRON}
    megatron = {
        "x-whole": True,
        "properties": build_dataclass_properties(load_megatron_class(), own_words, command_line_schema),
    }
    more = {
        "$defs": {**{name: {"properties": found} for name, found in own.items()}, "megatron": megatron},
        "x-only-in": {name: sorted(set(found) - set(sft)) for name, found in own.items()},
        "x-defaults": {name: find_own_defaults(sft, found) for name, found in others.items()},
        "required": ["model"],
    }
    version = import_module("swift.version").__version__
    return frame_schema("ms-swift", version, "ms_swift.py", {"ENV": ENVIRONMENT, **sft}, **more)


if __name__ == "__main__":
    print_schema(build_schema)
