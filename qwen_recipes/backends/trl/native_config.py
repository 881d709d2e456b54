"""A YAML or command of TRL that a person wrote: what its keys mean, and which keys are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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
from qwen_recipes.backends.trl import VERSION
from qwen_recipes.yaml_text.nodes import Document, plain_data

DISTINCTIVE_KEYS = frozenset(
    {
        "assistant_only_loss", "chat_template_path", "completion_only_loss", "dataset_config", "dataset_name",
        "dataset_streaming", "dataset_test_split", "dataset_text_field", "dataset_train_split", "dtype", "eos_token",
        "eval_packing", "lora_r", "lora_target_modules", "lora_task_type", "max_completion_length", "max_length",
        "model_init_kwargs", "model_name_or_path", "num_generations", "packing_strategy", "padding_free",
        "precompute_ref_log_probs", "reward_funcs", "test_split_size", "torch_dtype", "use_bnb_nested_quant",
        "use_peft", "use_vllm",
    }
)  # fmt: skip
DECISIVE_KEYS = frozenset({"model_name_or_path"})
COMMAND_PATTERN = r"\btrl(?:\.scripts\.|/scripts/|[ \t]+(?:sft|dpo|kto|grpo|rloo|reward|distillation)\b)"
METHODS = ("sft", "dpo", "kto", "reward", "grpo")
"""Whose keys the schema has; those of other methods are in `schemas/native`."""
KEYS_OF_METHODS = {
    "grpo": ("reward_funcs", "num_generations", "max_completion_length"),
    "kto": ("desirable_weight", "undesirable_weight"),
    "dpo": ("label_smoothing", "f_divergence_type", "ref_model_mixup_alpha", "loss_weights", "use_weighting"),
    "reward": ("center_rewards_coefficient",),
    "sft": ("assistant_only_loss", "completion_only_loss", "packing", "packing_strategy", "dataset_text_field"),
}
"""A key that only this method reads tells that the YAML is for it."""
STRATEGIES = {"zero1": "zero1", "zero2": "zero2", "zero3": "zero3", "fsdp1": "fsdp", "fsdp2": "fsdp"}
"""Names of accelerate configs that TRL brings."""
_SCRIPT = re.compile(r"(?:trl\.scripts\.|(?:^|/)trl/scripts/)(\w+?)(?:\.py)?$")


def build_config(document: Document) -> NativeConfig:
    """The config in a YAML; which command reads it shows in its keys, if at all."""
    data: dict[str, Any] = plain_data(document.root)
    return NativeConfig("trl", VERSION, guess_command(data), "yaml", document)


def guess_command(data: Mapping[str, object]) -> str:
    """The method whose own keys are there; empty where no key tells."""
    if str(data.get("lora_task_type")) == "SEQ_CLS":
        return "reward"
    return next((name for name, keys in KEYS_OF_METHODS.items() if set(keys) & set(data)), "")


def match_command(command: ShellCommand) -> tuple[str, int] | None:
    """Which of TRL's commands this is and where its arguments begin, or None."""
    for at, word in enumerate(command):
        following = command[at + 1].text if at + 1 < len(command) else ""
        if word.text.rpartition("/")[2] == "trl" and following in _list_methods():
            return following, at + 2
        script = _SCRIPT.search(word.text)
        if script and script[1] in _list_methods():
            return script[1], at + 1
    return None


def _list_methods() -> tuple[str, ...]:
    return (*METHODS, *load_extra_keys("trl")["commands"])


def list_known_keys(config: NativeConfig) -> KnownKeys:
    """The keys of the classes that the method's parser fills, and those that go to accelerate's launcher.

    Where the method is not known, those of all methods.
    """
    schema, other = load_native_schema("trl"), load_extra_keys("trl")
    launcher = {*other["launcher"], "accelerate_config", *(("config",) if config.form == "shell" else ())}
    if config.command in other["commands"]:
        return KnownKeys(frozenset({*other["commands"][config.command], *launcher}))
    by_method = {method: set(_find_properties(method)) for method in METHODS}
    if config.command not in by_method:
        return KnownKeys(frozenset(launcher.union(*by_method.values())), {"properties": _merge_properties()})
    own = by_method[config.command]
    readers = {key: f"`trl {name}`" for name, keys in by_method.items() for key in keys - own}
    properties = {"properties": _find_properties(config.command)}
    return KnownKeys(frozenset(own | launcher), {**schema, **properties}, other_readers=readers)


def _find_properties(method: str) -> dict[str, object]:
    schema = load_native_schema("trl")
    found: dict[str, Any] = (schema if method == "sft" else schema["$defs"][method])["properties"]
    return found


def _merge_properties() -> dict[str, object]:
    """Those of all methods; where they differ, a value may be any of theirs, SFT's first."""
    found: dict[str, list[Any]] = {}
    for method in METHODS:
        for key, value in _find_properties(method).items():
            known = found.setdefault(key, [])
            known += [] if value in known else [value]
    return {key: values[0] if len(values) == 1 else {"anyOf": values} for key, values in found.items()}


def interpret_settings(config: NativeConfig) -> InterpretedSettings:
    """The values of the config by recipe field."""
    data = config.data
    model, adapter = read_value(data, "model_name_or_path"), read_switch(data, "use_peft")
    return InterpretedSettings(
        model=model,
        model_facts=find_model_facts(model),
        adapter=LocatedValue("lora", adapter.route) if adapter else None,
        dora=read_switch(data, "use_dora") if adapter else None,
        targets=read_targets(data) if adapter else None,
        bits=read_quantization_bits(data),
        storage=read_value(data, "bnb_4bit_quant_storage") or LocatedValue("uint8", ("load_in_4bit",)),
        strategy=read_strategy(data),
        sequence_length=read_value(data, "max_length"),
        learning_rate=read_value(data, "learning_rate"),
        precision=LocatedValue("fp16", ("fp16",)) if read_switch(data, "fp16") else None,
        chat=read_switch(data, "assistant_only_loss") is not None,
    )


def read_targets(data: Mapping[str, object]) -> LocatedValue | None:
    """The layers an adapter sits on, where they are named one by one."""
    named = read_value(data, "lora_target_modules")
    names = split_names(named.value) if named else []
    return LocatedValue(names, ("lora_target_modules",)) if names and names != ["all-linear"] else None


def read_quantization_bits(data: Mapping[str, object]) -> LocatedValue | None:
    """Bits of a base that is quantized when it is loaded."""
    for bits in (4, 8):
        if on := read_switch(data, f"load_in_{bits}bit"):
            return LocatedValue(bits, on.route)
    return None


def read_strategy(data: Mapping[str, object]) -> LocatedValue | None:
    """How the model is spread over GPUs, as far as the config says."""
    if stage := parse_deepspeed_stage(data.get("deepspeed")):
        return LocatedValue(stage, ("deepspeed",))
    named = STRATEGIES.get(str(data.get("accelerate_config")))
    if named:
        return LocatedValue(named, ("accelerate_config",))
    return LocatedValue("fsdp", ("fsdp",)) if data.get("fsdp") else None
