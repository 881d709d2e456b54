"""A LLaMA-Factory YAML or command that a person wrote: what its keys mean, and which keys are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.llamafactory import VERSION
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
from qwen_recipes.yaml_text.nodes import Document, plain_data

DISTINCTIVE_KEYS = frozenset(
    {
        "adapter_name_or_path", "batching_strategy", "cutoff_len", "dataset_dir", "dist_config", "do_predict",
        "do_train", "double_quantization", "enable_thinking", "eval_dataset", "export_device", "export_dir",
        "export_size", "finetuning_type", "flash_attn", "infer_dtype", "init_config", "kernel_config",
        "lora_rank", "lora_target", "mask_history", "model_class", "model_name_or_path", "neat_packing",
        "overwrite_cache", "overwrite_output_dir", "peft_config", "plot_loss", "pref_beta", "pref_loss",
        "preprocessing_num_workers", "pure_bf16", "quant_config", "quantization_bit", "quantization_method",
        "stage", "template", "tokenized_path", "train_dataset",
    }
)  # fmt: skip
DECISIVE_KEYS = frozenset({"model_name_or_path"})
COMMAND_PATTERN = r"\b(?:llamafactory-cli|lmf)\b|src/train\.py|llamafactory/launcher\.py|\bllamafactory\.cli\b"
COMMANDS = {
    "train": "train",
    "export": "export",
    "chat": "export",
    "webchat": "export",
    "api": "export",
    "eval": "export",
}
MEGATRON_KEYS = frozenset(
    {
        "expert_model_parallel_size", "pipeline_model_parallel_size", "recompute_granularity",
        "sequence_parallel", "tensor_model_parallel_size", "use_distributed_optimizer",
    }
)  # fmt: skip
V1_KEYS = frozenset(
    {"model", "train_dataset", "dist_config", "init_config", "peft_config", "kernel_config", "model_class"}
)
QUANTIZERS = ("bnb", "hqq", "eetq")


def build_config(document: Document) -> NativeConfig:
    """The config in a YAML; which command reads it shows in its keys."""
    data: dict[str, Any] = plain_data(document.root)
    return NativeConfig("llamafactory", VERSION, guess_command(data), "yaml", document)


def guess_command(data: Mapping[str, object]) -> str:
    """`train`, `export` (which chat and API share), `v1` for the younger engine, `megatron` for its adapter."""
    if "model_name_or_path" not in data and V1_KEYS & set(data):
        return "v1"
    if MEGATRON_KEYS & set(data):
        return "megatron"
    training = {"do_train", "do_eval", "do_predict", "output_dir", "per_device_train_batch_size", "num_train_epochs"}
    only_used = {"export_dir", "infer_backend", "infer_dtype", "adapter_name_or_path"} & set(data)
    return "export" if only_used and not training & set(data) else "train"


def match_command(command: ShellCommand) -> tuple[str, int] | None:
    """Which of LLaMA-Factory's commands this is and where its arguments begin, or None."""
    environment = {word.text for word in command if "=" in word.text}
    for at, word in enumerate(command):
        name, following = word.text.rpartition("/")[2], command[at + 1].text if at + 1 < len(command) else ""
        if name in ("llamafactory-cli", "lmf") and following in COMMANDS:
            return "v1" if "USE_V1=1" in environment else COMMANDS[following], at + 2
        if word.text == "src/train.py" or word.text.endswith(("/src/train.py", "llamafactory/launcher.py")):
            return "train", at + 1
        if word.text == "llamafactory.cli" and following in COMMANDS:
            return COMMANDS[following], at + 2
    return None


def list_known_keys(config: NativeConfig) -> KnownKeys:
    """The keys of the classes that the command's parser fills."""
    schema = load_native_schema("llamafactory")
    if config.command == "train":
        return KnownKeys(frozenset(schema["properties"]), schema)
    keys = load_extra_keys("llamafactory")["commands"].get(config.command)
    return KnownKeys(frozenset(keys or ()), schema if config.command == "export" else {}, is_complete=keys is not None)


def interpret_settings(config: NativeConfig) -> InterpretedSettings:
    """The values of the config by recipe field; empty for anything but training with the main engine."""
    if config.command != "train":
        return InterpretedSettings()
    data = config.data
    model = read_value(data, "model_name_or_path")
    return InterpretedSettings(
        model=model,
        model_facts=find_model_facts(model),
        adapter=read_adapter(data, config.names_config_file),
        dora=read_switch(data, "use_dora"),
        targets=read_targets(data),
        bits=read_quantization_bits(data),
        storage=LocatedValue("bfloat16", ("quantization_bit",)),
        strategy=read_strategy(data),
        sequence_length=None if data.get("rope_scaling") else read_value(data, "cutoff_len"),
        template=read_value(data, "template"),
        learning_rate=read_value(data, "learning_rate"),
        precision=LocatedValue("fp16", ("fp16",)) if read_switch(data, "fp16") else None,
        chat=data.get("stage", "sft") != "pt",
    )


def read_adapter(data: Mapping[str, object], names_config_file: bool) -> LocatedValue | None:
    """The kind of adapter: LoRA where nothing is said, unless another file may say it."""
    kind = data.get("finetuning_type", None if names_config_file else "lora")
    return LocatedValue(kind, ("finetuning_type",)) if kind in ("lora", "oft") else None


def read_targets(data: Mapping[str, object]) -> LocatedValue | None:
    """The layers an adapter sits on, where they are named one by one."""
    named = read_value(data, "lora_target")
    names = split_names(named.value) if named else []
    return LocatedValue(names, ("lora_target",)) if names and names != ["all"] else None


def read_quantization_bits(data: Mapping[str, object]) -> LocatedValue | None:
    """Bits of a base that is quantized when it is loaded; a method of another name quantizes nothing."""
    given, method = read_value(data, "quantization_bit"), data.get("quantization_method") or "bnb"
    return given if given and method in QUANTIZERS else None


def read_strategy(data: Mapping[str, object]) -> LocatedValue | None:
    """How the model is spread over GPUs, as far as the config says: accelerate's FSDP stands in a file of its own."""
    stage = parse_deepspeed_stage(data.get("deepspeed"))
    if stage:
        return LocatedValue(stage, ("deepspeed",))
    return LocatedValue("fsdp", ("fsdp",)) if data.get("fsdp") else None
