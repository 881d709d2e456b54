"""An Axolotl YAML that a person wrote: what its keys mean, and which keys are read."""

from __future__ import annotations

from collections.abc import Mapping

from qwen_recipes.backends.axolotl import VERSION
from qwen_recipes.backends.axolotl.dataset_entries import narrow_entries
from qwen_recipes.backends.located_values import (
    LocatedValue,
    find_model_facts,
    parse_deepspeed_stage,
    read_switch,
    read_value,
    split_names,
)
from qwen_recipes.backends.native_config import InterpretedSettings, KnownKeys, NativeConfig
from qwen_recipes.backends.native_modules import load_extra_keys, load_native_schema
from qwen_recipes.backends.shell_parser import ShellCommand
from qwen_recipes.yaml_text.nodes import Document

DISTINCTIVE_KEYS = frozenset(
    {
        "adapter", "base_model", "base_model_config", "dataset_prepared_path", "datasets",
        "eval_sample_packing", "evals_per_epoch", "flash_attention", "load_in_4bit", "load_in_8bit", "lora_r",
        "lora_target_linear", "lora_target_modules", "lr_scheduler", "num_epochs", "pad_to_sequence_len",
        "plugins", "pretraining_dataset", "rl", "sample_packing", "saves_per_epoch", "sequence_len",
        "special_tokens", "test_datasets", "tokenizer_type", "train_on_inputs", "val_set_size", "wandb_project",
    }
)  # fmt: skip
DECISIVE_KEYS = frozenset({"base_model"})
COMMAND_PATTERN = r"\baxolotl\b"
COMMANDS = ("train", "preprocess", "evaluate", "inference", "merge-lora", "quantize", "vllm-serve")
COMMAND_MODULES = ("axolotl.cli.train", "axolotl.cli.preprocess")


def build_config(document: Document) -> NativeConfig:
    """The config in a YAML."""
    return NativeConfig("axolotl", VERSION, "train", "yaml", document)


def match_command(command: ShellCommand) -> tuple[str, int] | None:
    """Which of Axolotl's commands this is and where its arguments begin, or None."""
    for at, word in enumerate(command[:-1]):
        following = command[at + 1].text
        if word.text.rpartition("/")[2] == "axolotl" and following in COMMANDS:
            return following, at + 2
        if word.text == "-m" and following in COMMAND_MODULES:
            return following.rpartition(".")[2], at + 2
    return None


def list_known_keys(config: NativeConfig) -> KnownKeys:
    """Top-level keys: the models' own, and those of the plugins that are listed."""
    schema = load_native_schema("axolotl")
    if config.form == "shell":
        return KnownKeys(frozenset(), schema, is_complete=False)
    table = load_extra_keys("axolotl")
    plugins: dict[str, list[str]] = table["plugins"]
    listed = [*table["always"], *map(str, get_list(config.data, "plugins"))]
    optional = {key for keys in plugins.values() for key in keys}
    core = set(schema["properties"]) - (optional - CORE_PLUGIN_KEYS)
    read = core | {key for name in listed for key in plugins.get(name, [])}
    elsewhere = {key: shorten_plugin_name(name) for name, keys in plugins.items() for key in keys if key not in read}
    entries = narrow_entries(schema, config.data.get("rl"))
    return KnownKeys(frozenset(read), entries, all(name in plugins for name in listed), elsewhere)


CORE_PLUGIN_KEYS = frozenset({"nvfp4_merge_aware"})
"""Keys of plugins' classes that Axolotl reads without the plugin too."""


def shorten_plugin_name(plugin: str) -> str:
    """The name by which the documentation lists a plugin: `axolotl.integrations.liger.LigerPlugin`."""
    return plugin.replace(".plugin.", ".")


def interpret_settings(config: NativeConfig) -> InterpretedSettings:
    """The values of the config by recipe field."""
    data = config.data
    model = read_value(data, "base_model")
    adapter = read_value(data, "adapter")
    return InterpretedSettings(
        model=model,
        model_facts=find_model_facts(model),
        adapter=adapter,
        dora=read_switch(data, "peft_use_dora"),
        targets=read_targets(data),
        bits=read_quantization_bits(data),
        experts_quantized=read_switch(data, "quantize_moe_experts"),
        storage=read_quantization_storage(data),
        strategy=read_strategy(data),
        sequence_length=None if has_rope_scaling(data) else read_value(data, "sequence_len"),
        template=read_value(data, "chat_template"),
        learning_rate=read_value(data, "learning_rate"),
        precision=read_precision(data),
        chat=any(is_chat_dataset(entry) for entry in get_list(data, "datasets")),
    )


def get_list(data: Mapping[str, object], key: str) -> list[object]:
    """The list under a key; none where something else stands there."""
    found = data.get(key)
    return found if isinstance(found, list) else []


def is_chat_dataset(entry: object) -> bool:
    """Whether rows of this dataset are rendered by the chat template."""
    return isinstance(entry, Mapping) and str(entry.get("type")).startswith("chat_template")


def read_targets(data: Mapping[str, object]) -> LocatedValue | None:
    """The layers an adapter sits on, where they are named one by one."""
    named = read_value(data, "lora_target_modules")
    if read_switch(data, "lora_target_linear") or named is None:
        return None
    return LocatedValue(split_names(named.value), named.route)


def read_quantization_bits(data: Mapping[str, object]) -> LocatedValue | None:
    """Bits of a base that is quantized when it is loaded: each switch works with one kind of adapter alone."""
    if read_switch(data, "load_in_4bit") and data.get("adapter") in ("qlora", "mixlora"):
        return LocatedValue(4, ("load_in_4bit",))
    return (
        LocatedValue(8, ("load_in_8bit",))
        if read_switch(data, "load_in_8bit") and data.get("adapter") == "lora"
        else None
    )


def read_quantization_storage(data: Mapping[str, object]) -> LocatedValue:
    """The type that 4-bit weights are stored in: bfloat16 unless told otherwise."""
    given = data.get("bnb_config_kwargs")
    value = given.get("bnb_4bit_quant_storage") if isinstance(given, Mapping) else None
    return LocatedValue(str(value or "bfloat16"), ("bnb_config_kwargs",))


def read_strategy(data: Mapping[str, object]) -> LocatedValue | None:
    """How the model is spread over GPUs."""
    stage = parse_deepspeed_stage(data.get("deepspeed"))
    if stage:
        return LocatedValue(stage, ("deepspeed",))
    for key in ("fsdp_config", "fsdp"):
        if data.get(key):
            return LocatedValue("fsdp", (key,))
    return None


def has_rope_scaling(data: Mapping[str, object]) -> bool:
    """Whether positions are stretched, so that the model's own limit says nothing."""
    for key in ("overrides_of_model_config", "model_config"):
        given = data.get(key)
        if isinstance(given, Mapping) and (given.get("rope_scaling") or given.get("max_position_embeddings")):
            return True
    return False


def read_precision(data: Mapping[str, object]) -> LocatedValue | None:
    """`fp16` where it is asked for; bf16 is what there is otherwise."""
    return next((LocatedValue("fp16", (key,)) for key in ("fp16", "float16") if read_switch(data, key)), None)
