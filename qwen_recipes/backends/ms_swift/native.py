"""An ms-swift YAML or command that a person wrote: what its keys mean, and which keys are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwen_recipes.backends.ms_swift import VERSION
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
        "ENV", "adapters", "attn_impl", "check_model", "dataset_num_proc", "device_groups", "lora_rank",
        "loss_scale", "max_length", "mcore_model", "merge_lora", "model_author", "model_name",
        "num_return_sequences", "quant_bits", "quant_method", "rlhf_type", "sampler_engine", "sampler_type",
        "split_dataset_ratio", "target_modules", "torch_dtype", "train_type", "tuner_type", "use_hf",
        "val_dataset",
    }
)  # fmt: skip
TRAINING = ("sft", "pt", "rlhf")
USED = ("infer", "export", "merge-lora", "deploy", "eval", "rollout", "sample", "app", "web-ui")
MEGATRON = ("sft", "pt", "rlhf", "export")
RAY = frozenset({"colocate_groups", "rollout"})
"""Marks of the driver's file of `megatron rlhf --use_ray`, which has a language of its own."""


def config(document: Document) -> NativeConfig:
    """The config in a YAML. It does not say which command reads it: that which knows most of its keys."""
    data: dict[str, Any] = plain_data(document.root)
    return NativeConfig("ms-swift", VERSION, command_of(data), "yaml", document)


def command_of(data: Mapping[str, Any]) -> str:
    """The command that leaves the fewest keys unread; of equals the first."""
    if RAY & set(data) or isinstance(data.get("train"), Mapping):
        return "ray"
    order: list[str] = [
        *(("rlhf",) if "rlhf_type" in data else ()),
        *TRAINING,
        *(f"megatron {c}" for c in MEGATRON),
        *USED,
    ]
    return min(order, key=lambda command: len({normal(key) for key in data} - keys(command)))


def normal(key: str) -> str:
    """A key as the field's name."""
    return key.replace("-", "_")


def keys(command: str) -> frozenset[str]:
    """The keys that a command reads, `ENV` of a YAML among them."""
    schema = schema_of("ms-swift")
    if command in TRAINING:
        known = [*schema["properties"], *schema["x-only-in"].get(command, ())]
    else:
        known = keys_of("ms-swift")["commands"].get(command, ())
    return frozenset(known) | {"ENV"}


def called(command: Command) -> tuple[str, int] | None:
    """Which of ms-swift's commands this is and where its arguments begin, or None."""
    for at, word in enumerate(command):
        name, following = word.text.rpartition("/")[2], command[at + 1].text if at + 1 < len(command) else ""
        if name == "swift" and following.replace("_", "-") in (*TRAINING, *USED):
            return following.replace("_", "-"), at + 2
        if name == "megatron" and following in MEGATRON:
            by_ray = any(later.text == "--use_ray" for later in command[at:])
            return "ray" if by_ray else f"megatron {following}", at + 2
        if "swift/cli/" in word.text and name.endswith(".py"):
            inner = name.removesuffix(".py").replace("_", "-")
            return f"megatron {inner}" if "/_megatron/" in word.text else inner, at + 1
    return None


def vocabulary(config: NativeConfig) -> Vocabulary:
    """The fields of the command's class; argparse takes `no_` before a switch that is on too."""
    data, known, schema = config.data, keys(config.command), schema_of("ms-swift")
    if config.command == "ray":
        return Vocabulary(frozenset(), reads_all=False)
    properties = {**schema["properties"], **schema["$defs"].get(config.command, {}).get("properties", {})}
    listed = {**schema, "properties": properties if config.command in TRAINING else {}}
    others = (f"`{name}`" for name in [*TRAINING, *(f"megatron {c}" for c in MEGATRON), *USED])
    elsewhere: dict[str, str] = {}
    for name in others:
        for key in keys(name.strip("`")) - known:
            elsewhere.setdefault(key, name)
    reads_all = bool(known - {"ENV"}) and not switched(data, "ignore_args_error")
    switches = {f"no_{key}" for key in known}
    return Vocabulary(known | switches, listed, reads_all, elsewhere)


def meaning(config: NativeConfig) -> Meaning:
    """What the config says, in our words; nothing of what is not training, and little of Megatron."""
    if config.command not in TRAINING:
        return Meaning()
    data = {normal(key): value for key, value in config.data.items()}
    model = said(data, "model")
    return Meaning(
        model=model,
        model_facts=model_of(model),
        adapter=adapter(data, config.follows),
        dora=switched(data, "use_dora"),
        targets=targets(data),
        bits=bits(data),
        storage=said(data, "bnb_4bit_quant_storage") or Said("uint8", ("quant_bits",)),
        strategy=strategy(data),
        sequence_length=None if data.get("rope_scaling") else said(data, "max_length"),
        template=said(data, "template"),
        learning_rate=said(data, "learning_rate"),
        precision=precision(data),
        chat=config.command != "pt",
    )


def adapter(data: Mapping[str, Any], follows: bool) -> Said | None:
    """The kind of adapter: LoRA where nothing is said, unless another file may say it."""
    kind = data.get("tuner_type", data.get("train_type", None if follows else "lora"))
    told = isinstance(kind, str) and kind != "full" and "$" not in kind
    return Said(kind, ("tuner_type",)) if told else None


def targets(data: Mapping[str, Any]) -> Said | None:
    """The layers an adapter sits on, where they are named one by one."""
    named = None if data.get("target_regex") else said(data, "target_modules")
    names = names_in(named.value) if named else []
    return Said(names, ("target_modules",)) if names and "all-linear" not in names else None


def bits(data: Mapping[str, Any]) -> Said | None:
    """Bits of a base that is quantized when it is loaded: a number alone, without its method, quantizes nothing."""
    given = said(data, "quant_bits")
    return given if given and data.get("quant_method") else None


def strategy(data: Mapping[str, Any]) -> Said | None:
    """How the model is spread over GPUs."""
    stage = stage_of(data.get("deepspeed"))
    if stage:
        return Said(stage, ("deepspeed",))
    return Said("fsdp", ("fsdp",)) if data.get("fsdp") else None


def precision(data: Mapping[str, Any]) -> Said | None:
    """`fp16` where it is asked for."""
    if str(data.get("torch_dtype")) in ("float16", "fp16"):
        return Said("fp16", ("torch_dtype",))
    return Said("fp16", ("fp16",)) if switched(data, "fp16") else None
