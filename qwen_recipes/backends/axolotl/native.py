"""An Axolotl YAML that a person wrote: what its keys mean, and which keys are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.axolotl import VERSION
from qwen_recipes.backends.native import (
    Meaning,
    NativeConfig,
    Said,
    Vocabulary,
    keys_of,
    model_of,
    names_in,
    said,
    schema_of,
    stage_of,
    switched,
)
from qwen_recipes.backends.shell import Command
from qwen_recipes.recipe.nodes import Document

DISTINCTIVE = frozenset(
    {
        "adapter", "base_model", "base_model_config", "dataset_prepared_path", "datasets",
        "eval_sample_packing", "evals_per_epoch", "flash_attention", "load_in_4bit", "load_in_8bit", "lora_r",
        "lora_target_linear", "lora_target_modules", "lr_scheduler", "num_epochs", "pad_to_sequence_len",
        "plugins", "pretraining_dataset", "rl", "sample_packing", "saves_per_epoch", "sequence_len",
        "special_tokens", "test_datasets", "tokenizer_type", "train_on_inputs", "val_set_size", "wandb_project",
    }
)  # fmt: skip
COMMANDS = ("train", "preprocess", "evaluate", "inference", "merge-lora", "quantize", "vllm-serve")
MODULES = ("axolotl.cli.train", "axolotl.cli.preprocess")


def config(document: Document) -> NativeConfig:
    """The config in a YAML."""
    return NativeConfig("axolotl", VERSION, "train", "yaml", document)


def called(command: Command) -> tuple[str, int] | None:
    """Which of Axolotl's commands this is and where its arguments begin, or None."""
    for at, word in enumerate(command[:-1]):
        following = command[at + 1].text
        if word.text.rpartition("/")[2] == "axolotl" and following in COMMANDS:
            return following, at + 2
        if word.text == "-m" and following in MODULES:
            return following.rpartition(".")[2], at + 2
    return None


def vocabulary(config: NativeConfig) -> Vocabulary:
    """Top-level keys: the models' own, and those of the plugins that are listed."""
    schema = schema_of("axolotl")
    if config.form == "shell":
        return Vocabulary(frozenset(), schema, reads_all=False)
    table = keys_of("axolotl")
    plugins: dict[str, list[str]] = table["plugins"]
    listed = [*table["always"], *map(str, listed_in(config.data, "plugins"))]
    optional = {key for keys in plugins.values() for key in keys}
    core = set(schema["properties"]) - (optional - ALSO_IN_CORE)
    read = core | {key for name in listed for key in plugins.get(name, [])}
    elsewhere = {key: short(name) for name, keys in plugins.items() for key in keys if key not in read}
    return Vocabulary(frozenset(read), schema, all(name in plugins for name in listed), elsewhere)


ALSO_IN_CORE = frozenset({"nvfp4_merge_aware"})
"""Keys of plugins' classes that Axolotl reads without the plugin too."""


def short(plugin: str) -> str:
    """The name by which the documentation lists a plugin: `axolotl.integrations.liger.LigerPlugin`."""
    return plugin.replace(".plugin.", ".")


def meaning(config: NativeConfig) -> Meaning:
    """What the config says, in our words."""
    data = config.data
    model = said(data, "base_model")
    adapter = said(data, "adapter")
    return Meaning(
        model=model,
        model_facts=model_of(model),
        adapter=adapter,
        dora=switched(data, "peft_use_dora"),
        targets=targets(data),
        bits=bits(data),
        storage=storage(data),
        strategy=strategy(data),
        sequence_length=None if rescaled(data) else said(data, "sequence_len"),
        template=said(data, "chat_template"),
        learning_rate=said(data, "learning_rate"),
        precision=precision(data),
        chat=any(is_chat(entry) for entry in listed_in(data, "datasets")),
    )


def listed_in(data: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key; none where something else stands there."""
    found = data.get(key)
    return found if isinstance(found, list) else []


def is_chat(entry: Any) -> bool:
    """Whether rows of this dataset are rendered by the chat template."""
    return isinstance(entry, Mapping) and str(entry.get("type")).startswith("chat_template")


def targets(data: Mapping[str, Any]) -> Said | None:
    """The layers an adapter sits on, where they are named one by one."""
    named = said(data, "lora_target_modules")
    if switched(data, "lora_target_linear") or named is None:
        return None
    return Said(names_in(named.value), named.route)


def bits(data: Mapping[str, Any]) -> Said | None:
    """Bits of a base that is quantized when it is loaded: each switch works with one kind of adapter alone."""
    if switched(data, "load_in_4bit") and data.get("adapter") in ("qlora", "mixlora"):
        return Said(4, ("load_in_4bit",))
    return Said(8, ("load_in_8bit",)) if switched(data, "load_in_8bit") and data.get("adapter") == "lora" else None


def storage(data: Mapping[str, Any]) -> Said:
    """The type that 4-bit weights are stored in: bfloat16 unless told otherwise."""
    given = data.get("bnb_config_kwargs")
    value = given.get("bnb_4bit_quant_storage") if isinstance(given, Mapping) else None
    return Said(str(value or "bfloat16"), ("bnb_config_kwargs",))


def strategy(data: Mapping[str, Any]) -> Said | None:
    """How the model is spread over GPUs."""
    stage = stage_of(data.get("deepspeed"))
    if stage:
        return Said(stage, ("deepspeed",))
    for key in ("fsdp_config", "fsdp"):
        if data.get(key):
            return Said("fsdp", (key,))
    return None


def rescaled(data: Mapping[str, Any]) -> bool:
    """Whether positions are stretched, so that the model's own limit says nothing."""
    for key in ("overrides_of_model_config", "model_config"):
        given = data.get(key)
        if isinstance(given, Mapping) and (given.get("rope_scaling") or given.get("max_position_embeddings")):
            return True
    return False


def precision(data: Mapping[str, Any]) -> Said | None:
    """`fp16` where it is asked for; bf16 is what there is otherwise."""
    return next((Said("fp16", (key,)) for key in ("fp16", "float16") if switched(data, key)), None)
