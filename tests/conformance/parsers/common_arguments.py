"""What a framework resolved a config to, under the same names and in the same units for all three."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

Arguments = dict[str, Any]


def read_training_arguments(args: Any) -> Arguments:
    """Fields of a resolved transformers `TrainingArguments`. Intervals in optimizer steps, batches in sequences."""
    return {
        **read_schedule(args),
        **read_batch(args),
        **read_evaluation(args),
        **read_sharding(args),
        "optimizer": plain_value(args.optim),
        "low_rank": parse_low_rank(args.optim_args),
        "adam_beta1": args.adam_beta1,
        "adam_beta2": args.adam_beta2,
        "adam_epsilon": args.adam_epsilon,
        "weight_decay": args.weight_decay,
        "max_grad_norm": args.max_grad_norm,
        "precision": "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32",
        "seed": args.seed,
        "data_seed": args.data_seed,
        "neftune": args.neftune_noise_alpha,
        "logging_steps": args.logging_steps,
        "output_dir": os.path.relpath(args.output_dir),
        "report_to": sorted(args.report_to),
        "compile": bool(args.torch_compile),
        "hub": args.hub_model_id if args.push_to_hub else None,
        "hub_private": bool(args.hub_private_repo) if args.push_to_hub else None,
    }


def parse_low_rank(text: str | None) -> list[float] | None:
    """Rank, interval and scale that GaLore and APOLLO take from `optim_args`, a text of `name=value` pairs."""
    found = dict(pair.split("=") for pair in (text or "").replace(" ", "").split(",") if pair)
    return [float(found[name]) for name in ("rank", "update_proj_gap", "scale")] if "rank" in found else None


def read_schedule(args: Any) -> Arguments:
    """transformers 5 has one field for both: a value below 1 is a share of the run, else a number of steps."""
    warmup = args.warmup_steps
    return {
        "learning_rate": args.learning_rate,
        "scheduler": plain_value(args.lr_scheduler_type),
        "warmup_steps": int(warmup) if warmup == 0 or warmup >= 1 else None,
        "warmup_ratio": warmup if 0 < warmup < 1 else None,
        "epochs": args.num_train_epochs,
        "max_steps": args.max_steps if args.max_steps > 0 else None,
        "min_learning_rate": (args.lr_scheduler_kwargs or {}).get("min_lr_rate"),
    }


def compute_warmup_steps(args: Any, total_steps: int) -> int:
    """Steps that `Trainer.create_scheduler` warms up for in a run of `total_steps`.

    transformers' `TrainingArguments.get_warmup_steps`, which all three call: a share is rounded up.
    """
    return int(args.get_warmup_steps(total_steps))


def read_batch(args: Any) -> Arguments:
    """Sequences in a step: per process and forward pass, and over the accumulation and all processes."""
    micro, accumulation = args.per_device_train_batch_size, args.gradient_accumulation_steps
    return {
        "micro_batch_size": micro,
        "gradient_accumulation": accumulation,
        "world_size": args.world_size,
        "effective_batch_size": micro * accumulation * args.world_size,
    }


def divide_batch(arguments: Arguments, tensor: int | None, context: int | None) -> Arguments:
    """GPUs that share layers or sequences count once in the batch."""
    tensor, context = tensor or 1, context or 1
    batch_size = arguments["effective_batch_size"] // (tensor * context)
    return {**arguments, "tensor_parallel": tensor, "context_parallel": context, "effective_batch_size": batch_size}


def read_evaluation(args: Any) -> Arguments:
    """When rows held out are evaluated and checkpoints written; an interval is None where steps don't count."""
    evaluates, saves = plain_value(args.eval_strategy), plain_value(args.save_strategy)
    return {
        "eval_strategy": evaluates,
        "eval_steps": args.eval_steps if evaluates == "steps" else None,
        "save_strategy": saves,
        "save_steps": args.save_steps if saves == "steps" else None,
        "save_total_limit": args.save_total_limit,
    }


def read_sharding(args: Any) -> Arguments:
    """DeepSpeed's ZeRO stage and the FSDP version in use; None where there is none."""
    config = getattr(args, "hf_deepspeed_config", None)
    if config is not None and config.mismatches:
        raise ValueError(f"transformers would refuse this in Trainer: {'; '.join(config.mismatches)}")
    sharded = bool(args.fsdp) or os.environ.get("ACCELERATE_USE_FSDP", "").lower() in ("1", "true")
    options = args.fsdp_config if isinstance(args.fsdp_config, Mapping) else {}
    stated = options.get("fsdp_version") or options.get("version")
    return {
        "deepspeed_stage": None if config is None else config.config.get("zero_optimization", {}).get("stage", 0),
        "fsdp": sharded,
        "fsdp_version": int(os.environ.get("FSDP_VERSION") or stated or 1) if sharded else None,
        "activation_checkpointing": bool(options.get("activation_checkpointing")),
    }


ADAPTER_FIELDS = ("rank", "alpha", "dropout", "target_modules", "layers", "modules_to_save", "rslora", "dora", "init")


def read_adapter(config: Any, model: Any = None) -> Arguments:
    """Fields of a `peft.LoraConfig`; None for each where nothing but the model's own weights is trained.

    Targets that are a regular expression are looked up in `model`.
    """
    if config is None:
        return dict.fromkeys(ADAPTER_FIELDS)
    targets, layers = config.target_modules, config.layers_to_transform
    if isinstance(targets, str) and model is not None:
        names = [name.split(".") for name, _ in model.named_modules() if re.fullmatch(targets, name)]
        targets, layers = {name[-1] for name in names}, {int(name[2]) for name in names}
    return {
        "rank": config.r,
        "alpha": config.lora_alpha,
        "dropout": config.lora_dropout,
        "target_modules": [targets] if isinstance(targets, str) else sorted(targets or ()),
        "layers": sorted(layers) if layers else None,
        "modules_to_save": sorted(config.modules_to_save or ()),
        "rslora": bool(config.use_rslora),
        "dora": bool(config.use_dora),
        "init": config.init_lora_weights,
    }


def read_trained_layers(model: Any) -> Arguments:
    """Decoder layers whose weights are trained where others are not, and whether anything outside of them is."""
    names = [name.split(".") for name, weight in model.named_parameters() if weight.requires_grad]
    inside = {int(name[2]) for name in names if name[:2] == ["model", "layers"]}
    return {
        "trained_layers": sorted(inside),
        "trained_outside": any(name[:2] != ["model", "layers"] for name in names),
    }


def read_quantization(config: Any) -> Arguments:
    """Fields of the quantization config the base model would be loaded with; 16 bits where there is none."""
    four = bool(getattr(config, "load_in_4bit", False))
    names = {
        "quantization_type": "bnb_4bit_quant_type",
        "quantization_double": "bnb_4bit_use_double_quant",
        "quantization_storage": "bnb_4bit_quant_storage",
        "quantization_compute": "bnb_4bit_compute_dtype",
    }
    bits = 16 if config is None else 4 if four else 8
    return {
        "quantization_bits": bits,
        **{ours: plain_value(getattr(config, name)) if four else None for ours, name in names.items()},
    }


def plain_value(value: Any) -> Any:
    """An enum's value and a torch dtype's name as plain words; anything else as it is."""
    value = getattr(value, "value", value)
    return str(value).removeprefix("torch.") if type(value).__module__ == "torch" else value


def to_json_value(value: Any) -> Any:
    """`value` as JSON: mappings, lists, numbers and text; the rest by its name."""
    value = plain_value(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): to_json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [to_json_value(item) for item in sort_sets(value)]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def sort_sets(values: Iterable[Any]) -> Iterable[Any]:
    """A set in a fixed order, so that the same config gives the same answer."""
    return sorted(values, key=str) if isinstance(values, set) else values
