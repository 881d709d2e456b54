"""A config as `swift sft`, `swift pt` and `swift rlhf` read it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from . import common_arguments, objective, simulated_machine
from .common_arguments import Arguments

REPORTED_STEPS = (100, 1000)
ARGUMENT_CLASSES = {"sft": "SftArguments", "pt": "PretrainArguments", "rlhf": "RLHFArguments"}
OVERLONG_NAMES = {"delete": "drop", "left": "truncate-left", "right": "truncate", "split": "split"}
SAMPLE_ADAPTER = Path(__file__).parents[1] / "samples" / "adapter"
NOT_ARGUMENTS = ("hub", "model_info", "model_meta", "template_meta", "training_args")


def load() -> str:
    """Import ms-swift; its version."""
    os.environ.update(simulated_machine.WORKER_ENVIRONMENT)
    for module in ("arguments", "cli.main", "pipelines.train.tuner", "trainers.trainer_factory"):
        import_module(f"swift.{module}")
    import_module("torch.testing._internal.distributed.fake_pg")
    return str(import_module("swift.version").__version__)


def parse(request: Mapping[str, Any]) -> tuple[Arguments, Arguments]:
    """What training would run with, under our names and under the framework's.

    Keys that argparse would take for an abbreviation of another are refused: `lora_alph: 16` is no `lora_alpha`.
    """
    words = [request["config"]]
    import_module("swift.cli.main").parse_yaml_args(words)
    command = request["command"] or ("rlhf" if "--rlhf_type" in words else "sft")
    cls = getattr(import_module("swift.arguments"), ARGUMENT_CLASSES[command])
    simulate_machine(request)
    refuse_unknown_keys(cls, words)
    args, left = import_module("swift.utils").parse_args(cls, words)
    if left and not args.ignore_args_error:
        raise ValueError(f"remaining_argv: {left}")
    return resolve_arguments(args), common_arguments.to_json_value(
        {k: v for k, v in vars(args).items() if k not in NOT_ARGUMENTS}
    )


def refuse_unknown_keys(cls: type, words: list[str]) -> None:
    """Refuse a key that is not exactly a field's name."""
    known = set(getattr(cls, "__dataclass_fields__"))  # noqa: B009
    keys = [word[2:] for word in words if word.startswith("--")]
    if unknown := sorted(key for key in keys if key.replace("-", "_") not in known):
        raise ValueError(f"unknown keys: {', '.join(unknown)}")


def simulate_machine(request: Mapping[str, Any]) -> None:
    """Pretend the machine; write nothing, download nothing. Every check of the framework's own stays."""
    utils, sft = import_module("swift.utils"), import_module("swift.arguments.sft_args")
    argparse.ArgumentParser.error = raise_parser_error  # type: ignore[method-assign,assignment]
    if request["gpus"] > 1:
        simulated_machine.simulate_processes(request["gpus"])
    if request["assume_gpu"]:
        simulated_machine.simulate_gpu([])
        for module in (utils, import_module("swift.utils.torch_utils"), import_module("swift.utils.env"), sft):
            if hasattr(module, "get_device_count"):
                vars(module)["get_device_count"] = lambda: request["gpus"]
    sft.SftArguments._init_device = lambda _args: None
    sft.SftArguments._add_version = without_making_folders(sft.SftArguments._add_version)
    use_stand_in_adapter()
    if request["model_config"]:
        use_stand_in_model(request["model_config"])


def raise_parser_error(_parser: argparse.ArgumentParser, message: str) -> None:
    """argparse prints its message and exits; here the message is the error."""
    raise ValueError(message)


def without_making_folders(method: Any) -> Any:
    """`method` of the arguments, making no folder."""

    def quiet(args: Any) -> None:
        makedirs, os.makedirs = os.makedirs, lambda *_args, **_options: None
        try:
            method(args)
        finally:
            os.makedirs = makedirs

    return quiet


def use_stand_in_model(folder: str) -> None:
    """Answer every request for a model that is not on disk with `folder`."""
    owner = import_module("swift.model.model_meta")
    download = owner.safe_snapshot_download

    def local(name: str, *args: Any, **options: Any) -> Any:
        return download(name, *args, **options) if Path(name).exists() else folder

    vars(owner)["safe_snapshot_download"] = local


def use_stand_in_adapter() -> None:
    """Answer every request for an adapter that is not on disk with the sample, under the name that was asked for."""
    owner = import_module("swift.arguments.base_args.base_args")
    download = owner.safe_snapshot_download

    def local(name: str, *args: Any, **options: Any) -> Any:
        return download(name, *args, **options) if Path(name).exists() else NamedAdapter(name)

    vars(owner)["safe_snapshot_download"] = local


class NamedAdapter(str):
    """The sample adapter's folder; `name` is the hub's id that it stands for."""

    name: str

    def __new__(cls, name: str) -> NamedAdapter:
        found = super().__new__(cls, SAMPLE_ADAPTER)
        found.name = name
        return found


def resolve_arguments(args: Any) -> Arguments:
    """The resolved `args` under our names."""
    train = args.training_args
    found = {
        **common_arguments.read_training_arguments(train),
        **{f"warmup_steps_at_{total}": common_arguments.compute_warmup_steps(train, total) for total in REPORTED_STEPS},
        **common_arguments.read_quantization(args.get_quantization_config()),
        **resolve_adapter(args),
        **resolve_trained_layers(args),
        **resolve_objective(args),
        **resolve_checkpointing(args),
        "lora_plus": args.lorap_lr_ratio if args.optimizer == "lorap" else None,
        "start_from": name_adapter(args.adapters[0]) if args.adapters else None,
        "streaming": bool(args.streaming),
        "fp8": False,
        "offload_activations": False,
        "cut_cross_entropy": False,
        "max_length": args.max_length,
        "overlong": OVERLONG_NAMES[args.truncation_strategy],
        "packing": bool(args.packing),
        "packing_isolated": bool(args.packing),
        "attention": resolve_attention(args),
        "liger": bool(train.use_liger_kernel),
        "lora_kernels": [],
    }
    return common_arguments.divide_batch(found, args.deepspeed_autotp_size, args.sequence_parallel_size)


def name_adapter(adapter: str) -> str:
    """An adapter's folder seen from here, or the hub's id that was asked for."""
    return adapter.name if isinstance(adapter, NamedAdapter) else os.path.relpath(adapter)


def resolve_objective(args: Any) -> Arguments:
    """The objective. SimPO is stored as CPO with a loss; distillation from the model itself is SFT with an anchor."""
    kind = getattr(args, "rlhf_type", None)
    if kind is None:
        return objective.make_objective("pretrain" if type(args).__name__ == "PretrainArguments" else "sft")
    if kind == "gkd":
        assert (args.lmbda, args.beta, args.temperature) == (0.0, 0.0, 1.0)
        assert args._teacher_use_disable_adapter or args.teacher_model == args.model
        return objective.make_objective("sft", kl_weight=1 / args.sft_alpha)
    named = {"cpo": "simpo", "rm": "reward"}.get(kind, kind)
    return objective.read_trl_objective(named, args.training_args, args.reward_funcs)


def resolve_trained_layers(args: Any) -> Arguments:
    """The layers that swift.pipelines.train.tuner.TunerMixin.prepare_model leaves trainable."""
    if args.tuner_type != "full" or not args.trainable_parameters:
        return {"trained_layers": None}
    model, utils = simulated_machine.build_blank_model(args.model_dir), import_module("swift.utils")
    utils.freeze_parameters(model, args.freeze_parameters_ratio, args.freeze_parameters, args.freeze_parameters_regex)
    utils.activate_parameters(model, args.trainable_parameters, args.trainable_parameters_regex)
    return common_arguments.read_trained_layers(model)


def resolve_attention(args: Any) -> str:
    """Unset leaves transformers' own choice; `flash_attn` is ms-swift's word for version 2."""
    if args.attn_impl:
        return {"flash_attn": "flash_attention_2"}.get(args.attn_impl, str(args.attn_impl))
    return str(simulated_machine.build_blank_model(args.model_dir).config._attn_implementation)


def resolve_checkpointing(args: Any) -> Arguments:
    """`use_reentrant` as swift.trainers.mixin.SwiftMixin._fix_gradient_checkpointing sets it when it is left open."""
    train = args.training_args
    stated = (train.gradient_checkpointing_kwargs or {}).get("use_reentrant")
    spread = import_module("swift.utils").is_dist() and not train.deepspeed and not train.fsdp
    return {
        "gradient_checkpointing": bool(train.gradient_checkpointing),
        "use_reentrant": (not spread if stated is None else bool(stated)) if train.gradient_checkpointing else None,
    }


def resolve_adapter(args: Any) -> Arguments:
    """The LoRA config swift.pipelines.train.tuner.prepare_adapter would make, or none."""
    if args.tuner_type != "lora":
        return common_arguments.read_adapter(None)
    model = simulated_machine.build_blank_model(args.model_dir)
    model.model_meta, model.model_info = args.model_meta, args.model_info
    tuner = import_module("swift.pipelines.train.tuner")
    config = import_module("swift.tuners").LoraConfig(
        r=args.lora_rank,
        target_modules=tuner.get_target_modules(args, model),
        lora_alpha=args.lora_alpha,
        lora_dropout=args.lora_dropout,
        bias=args.lora_bias,
        modules_to_save=tuner.get_modules_to_save(args, model, args.task_type),
        use_rslora=args.use_rslora,
        use_dora=args.use_dora,
        init_lora_weights=args.init_weights,
    )
    return common_arguments.read_adapter(config, model)
