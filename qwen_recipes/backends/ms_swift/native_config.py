"""An ms-swift YAML or command that a person wrote: what its keys mean, and which keys are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from qwen_recipes.backends.located_values import (
    LocatedValue,
    find_model_facts,
    parse_deepspeed_stage,
    read_switch,
    read_value,
    split_names,
)
from qwen_recipes.backends.ms_swift import VERSION
from qwen_recipes.backends.ms_swift.commands import COMMANDS, MEGATRON_COMMANDS, OTHER_COMMANDS, TRAINING_COMMANDS
from qwen_recipes.backends.native_config import InterpretedSettings, KnownKeys, NativeConfig
from qwen_recipes.backends.native_modules import load_extra_keys, load_native_schema
from qwen_recipes.backends.shell_parser import ShellCommand
from qwen_recipes.yaml_text.nodes import Document, plain_data

DECISIVE_KEYS = frozenset({"rlhf_type", "tuner_type"})
COMMAND_PATTERN = r"\b(?:swift|megatron)\b"
DISTINCTIVE_KEYS = frozenset(
    {
        "ENV", "adapters", "attn_impl", "check_model", "dataset", "dataset_num_proc", "device_groups", "lora_rank",
        "loss_scale", "max_length", "mcore_model", "merge_lora", "model", "model_author",
        "num_return_sequences", "quant_bits", "quant_method", "rlhf_type", "sampler_engine", "sampler_type",
        "split_dataset_ratio", "target_modules", "torch_dtype", "train_type", "tuner_type", "use_hf",
        "val_dataset",
    }
)  # fmt: skip
RAY_KEYS = frozenset({"colocate_groups", "rollout"})
"""Marks of the driver's file of `megatron rlhf --use_ray`, which has a language of its own."""

_SCRIPT = re.compile(r"(?:^|/)swift[/.]cli[/.](_megatron[/.])?(\w+?)(?:\.py)?\Z")
"""A command as a file, or as a module: `swift/cli/sft.py`, `swift.cli.sft`."""


def build_config(document: Document) -> NativeConfig:
    """The config in a YAML. It does not say which command reads it: that which knows most of its keys."""
    data: dict[str, Any] = plain_data(document.root)
    return NativeConfig("ms-swift", VERSION, guess_command(data), "yaml", document)


def guess_command(data: Mapping[str, object]) -> str:
    """The command that leaves the fewest keys unread; of equals the first."""
    if RAY_KEYS & set(data) or isinstance(data.get("train"), Mapping):
        return "ray"
    order = ("rlhf", *COMMANDS) if "rlhf_type" in data else COMMANDS
    return min(order, key=lambda command: len({normalize_key(key) for key in data} - list_command_keys(command)))


def normalize_key(key: str) -> str:
    """A key as the field's name."""
    return key.replace("-", "_")


@cache
def list_command_keys(command: str) -> frozenset[str]:
    """The keys that a command reads, `ENV` of a YAML among them."""
    schema = load_native_schema("ms-swift")
    if command in TRAINING_COMMANDS:
        known = [*schema["properties"], *schema["x-only-in"].get(command, ())]
    else:
        known = load_extra_keys("ms-swift")["commands"].get(command, ())
    return frozenset(known) | {"ENV"}


def match_command(command: ShellCommand) -> tuple[str, int] | None:
    """Which of ms-swift's commands this is and where its arguments begin, or None."""
    for at, word in enumerate(command):
        name, following = word.text.rpartition("/")[2], command[at + 1].text if at + 1 < len(command) else ""
        if name == "swift" and following.replace("_", "-") in (*TRAINING_COMMANDS, *OTHER_COMMANDS):
            return following.replace("_", "-"), at + 2
        if name == "megatron" and following in MEGATRON_COMMANDS:
            by_ray = any(later.text == "--use_ray" for later in command[at:])
            return "ray" if by_ray else f"megatron {following}", at + 2
        script = _SCRIPT.search(word.text)
        if script:
            inner = script[2].replace("_", "-")
            return f"megatron {inner}" if script[1] else inner, at + 1
    return None


def list_known_keys(config: NativeConfig) -> KnownKeys:
    """The fields of the command's class; argparse takes `no_` before a switch that is on too."""
    if config.command == "ray":
        return KnownKeys(frozenset(), is_complete=False)
    return _build_known_keys(config.command, is_strict=not read_switch(config.data, "ignore_args_error"))


@cache
def _build_known_keys(command: str, *, is_strict: bool) -> KnownKeys:
    known, schema = list_command_keys(command), load_native_schema("ms-swift")
    properties = {**schema["properties"], **schema["$defs"].get(command, {}).get("properties", {})}
    listed = {**schema, "properties": properties if command in TRAINING_COMMANDS else {}}
    elsewhere: dict[str, str] = {}
    for name in COMMANDS:
        for key in list_command_keys(name) - known:
            elsewhere.setdefault(key, f"`{name}`")
    switches = {f"no_{key}" for key in known}
    return KnownKeys(known | switches, listed, bool(known - {"ENV"}) and is_strict, elsewhere)


def interpret_settings(config: NativeConfig) -> InterpretedSettings:
    """The values of the config by recipe field; empty for anything but training, few for Megatron."""
    megatron, _, command = config.command.rpartition(" ")
    if command not in TRAINING_COMMANDS:
        return InterpretedSettings()
    data = {normalize_key(key): value for key, value in config.data.items()}
    model = read_value(data, "model")
    shared = InterpretedSettings(
        model=model,
        model_facts=find_model_facts(model),
        sequence_length=None if data.get("rope_scaling") else read_value(data, "max_length"),
        template=read_value(data, "template"),
        learning_rate=read_value(data, "lr" if megatron else "learning_rate"),
        precision=read_precision(data),
        chat=command != "pt",
    )
    if megatron:
        return shared
    return replace(
        shared,
        adapter=read_adapter(data, config.names_config_file),
        dora=read_switch(data, "use_dora"),
        targets=read_targets(data),
        bits=read_quantization_bits(data),
        storage=read_value(data, "bnb_4bit_quant_storage") or LocatedValue("uint8", ("quant_bits",)),
        strategy=read_strategy(data),
    )


def read_adapter(data: Mapping[str, object], names_config_file: bool) -> LocatedValue | None:
    """The kind of adapter: LoRA where nothing is said, unless another file may say it."""
    kind = data.get("tuner_type", data.get("train_type", None if names_config_file else "lora"))
    told = isinstance(kind, str) and kind != "full" and "$" not in kind
    return LocatedValue(kind, ("tuner_type",)) if told else None


def read_targets(data: Mapping[str, object]) -> LocatedValue | None:
    """The layers an adapter sits on, where they are named one by one."""
    named = None if data.get("target_regex") else read_value(data, "target_modules")
    names = split_names(named.value) if named else []
    return LocatedValue(names, ("target_modules",)) if names and "all-linear" not in names else None


def read_quantization_bits(data: Mapping[str, object]) -> LocatedValue | None:
    """Bits of a base that is quantized when it is loaded: a number alone, without its method, quantizes nothing."""
    given = read_value(data, "quant_bits")
    return given if given and data.get("quant_method") else None


def read_strategy(data: Mapping[str, object]) -> LocatedValue | None:
    """How the model is spread over GPUs."""
    stage = parse_deepspeed_stage(data.get("deepspeed"))
    if stage:
        return LocatedValue(stage, ("deepspeed",))
    return LocatedValue("fsdp", ("fsdp",)) if data.get("fsdp") else None


def read_precision(data: Mapping[str, object]) -> LocatedValue | None:
    """`fp16` where it is asked for."""
    if str(data.get("torch_dtype")) in ("float16", "fp16"):
        return LocatedValue("fp16", ("torch_dtype",))
    return LocatedValue("fp16", ("fp16",)) if read_switch(data, "fp16") else None
