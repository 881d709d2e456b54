"""A LLaMA-Factory YAML or command that a person wrote: what its keys mean, and which keys are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.llamafactory import VERSION
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
from qwen_recipes.recipe.nodes import Document, plain_data

DISTINCTIVE = frozenset(
    {
        "adapter_name_or_path", "batching_strategy", "cutoff_len", "dataset_dir", "dist_config", "do_predict",
        "do_train", "double_quantization", "enable_thinking", "eval_dataset", "export_device", "export_dir",
        "export_size", "finetuning_type", "flash_attn", "infer_dtype", "init_config", "kernel_config",
        "lora_rank", "lora_target", "mask_history", "model_class", "model_name_or_path", "neat_packing",
        "overwrite_cache", "overwrite_output_dir", "peft_config", "plot_loss", "pref_beta", "pref_loss",
        "preprocessing_num_workers", "pure_bf16", "quant_config", "quantization_bit", "quantization_method",
        "stage", "tokenized_path", "train_dataset",
    }
)  # fmt: skip
COMMANDS = {
    "train": "train",
    "export": "export",
    "chat": "export",
    "webchat": "export",
    "api": "export",
    "eval": "export",
}
MEGATRON = frozenset(
    {
        "expert_model_parallel_size", "pipeline_model_parallel_size", "recompute_granularity",
        "sequence_parallel", "tensor_model_parallel_size", "use_distributed_optimizer",
    }
)  # fmt: skip
V1 = frozenset({"model", "train_dataset", "dist_config", "init_config", "peft_config", "kernel_config", "model_class"})
QUANTIZERS = ("bnb", "hqq", "eetq")


def config(document: Document) -> NativeConfig:
    """The config in a YAML; which command reads it shows in its keys."""
    data: dict[str, Any] = plain_data(document.root)
    return NativeConfig("llamafactory", VERSION, command_of(data), "yaml", document)


def command_of(data: Mapping[str, Any]) -> str:
    """`train`, `export` (which chat and API share), `v1` for the younger engine, `megatron` for its adapter."""
    if "model_name_or_path" not in data and V1 & set(data):
        return "v1"
    if MEGATRON & set(data):
        return "megatron"
    training = {"do_train", "do_eval", "do_predict", "output_dir", "per_device_train_batch_size", "num_train_epochs"}
    only_used = {"export_dir", "infer_backend", "infer_dtype", "adapter_name_or_path"} & set(data)
    return "export" if only_used and not training & set(data) else "train"


def called(command: Command) -> tuple[str, int] | None:
    """Which of LLaMA-Factory's commands this is and where its arguments begin, or None."""
    environment = {word.text for word in command if "=" in word.text}
    for at, word in enumerate(command):
        name, following = word.text.rpartition("/")[2], command[at + 1].text if at + 1 < len(command) else ""
        if name in ("llamafactory-cli", "lmf") and following in COMMANDS:
            return "v1" if "USE_V1=1" in environment else COMMANDS[following], at + 2
        if word.text == "src/train.py" or word.text.endswith("/src/train.py"):
            return "train", at + 1
    return None


def vocabulary(config: NativeConfig) -> Vocabulary:
    """The keys of the classes that the command's parser fills."""
    schema = schema_of("llamafactory")
    if config.command == "train":
        return Vocabulary(frozenset(schema["properties"]), schema)
    keys = keys_of("llamafactory")["commands"].get(config.command)
    return Vocabulary(frozenset(keys or ()), schema if config.command == "export" else {}, reads_all=keys is not None)


def meaning(config: NativeConfig) -> Meaning:
    """What the config says, in our words; nothing of what is not training with the main engine."""
    if config.command != "train":
        return Meaning()
    data = config.data
    model = said(data, "model_name_or_path")
    return Meaning(
        model=model,
        model_facts=model_of(model),
        adapter=adapter(data, config.follows),
        dora=switched(data, "use_dora"),
        targets=targets(data),
        bits=bits(data),
        storage=Said("bfloat16", ("quantization_bit",)),
        strategy=strategy(data),
        sequence_length=None if data.get("rope_scaling") else said(data, "cutoff_len"),
        template=said(data, "template"),
        learning_rate=said(data, "learning_rate"),
        precision=Said("fp16", ("fp16",)) if switched(data, "fp16") else None,
        chat=data.get("stage", "sft") != "pt",
    )


def adapter(data: Mapping[str, Any], follows: bool) -> Said | None:
    """The kind of adapter: LoRA where nothing is said, unless another file may say it."""
    kind = data.get("finetuning_type", None if follows else "lora")
    return Said(kind, ("finetuning_type",)) if kind in ("lora", "oft") else None


def targets(data: Mapping[str, Any]) -> Said | None:
    """The layers an adapter sits on, where they are named one by one."""
    named = said(data, "lora_target")
    names = names_in(named.value) if named else []
    return Said(names, ("lora_target",)) if names and names != ["all"] else None


def bits(data: Mapping[str, Any]) -> Said | None:
    """Bits of a base that is quantized when it is loaded; a method of another name quantizes nothing."""
    given, method = said(data, "quantization_bit"), data.get("quantization_method") or "bnb"
    return given if given and method in QUANTIZERS else None


def strategy(data: Mapping[str, Any]) -> Said | None:
    """How the model is spread over GPUs, as far as the config says: accelerate's FSDP stands in a file of its own."""
    stage = stage_of(data.get("deepspeed"))
    if stage:
        return Said(stage, ("deepspeed",))
    return Said("fsdp", ("fsdp",)) if data.get("fsdp") else None
