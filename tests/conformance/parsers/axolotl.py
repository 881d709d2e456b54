"""A config as `axolotl train` reads it, with the keys refused that Axolotl would drop without a word."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from . import common_arguments, objective, simulated_machine
from .axolotl_keys import find_unknown_keys
from .common_arguments import Arguments

REPORTED_STEPS = (100, 1000)
ASSUMED_CAPABILITY = "sm_90"
LORA_KERNELS = ("lora_embedding_kernel", "lora_mlp_kernel", "lora_o_kernel", "lora_qkv_kernel")
OVERLONG_NAMES = {"drop": "drop", "truncate": "truncate", "raise": "error"}


class BuildStopped(Exception):
    """Carries training arguments out of a trainer builder before it makes the trainer."""

    def __init__(self, training_args: Any) -> None:
        self.training_args = training_args


def load() -> str:
    """Import Axolotl; its version."""
    os.environ.update(simulated_machine.WORKER_ENVIRONMENT, AXOLOTL_LOG_LEVEL="WARNING")
    for module in ("cli.config", "core.builders", "core.training_args", "loaders.adapter", "loaders.model"):
        import_module(f"axolotl.{module}")
    import_module("torch.testing._internal.distributed.fake_pg")
    return str(import_module("axolotl").__version__)


def parse(request: Mapping[str, Any]) -> tuple[Arguments, Arguments]:
    """What training would run with, under our names and under the framework's.

    Without `model_config` a model that is not on disk cannot be read, and Axolotl says so.
    """
    given = import_module("yaml").safe_load(Path(request["config"]).read_text("utf-8"))
    sys.path.insert(0, str(Path(request["config"]).parent))  # plugins beside the config, as run.sh has it
    simulate_machine(request)
    cfg = import_module("axolotl.cli.config").load_cfg(request["config"])
    if unknown := find_unknown_keys(given):
        raise ValueError(f"unknown keys, which Axolotl drops silently: {', '.join(unknown)}")
    folder = simulated_machine.find_model_folder(cfg.base_model, request["model_config"])
    return resolve_arguments(cfg, folder), common_arguments.to_json_value(cfg.to_dict())


def simulate_machine(request: Mapping[str, Any]) -> None:
    """Pretend the machine; write nothing, download nothing. Every check of the framework's own stays."""
    cli, config = import_module("axolotl.cli.config"), import_module("axolotl.utils.config")
    trainer = import_module("axolotl.utils.trainer")
    vars(cli)["prepare_debug_log"] = lambda _cfg: None
    vars(trainer)["setup_deepspeed_env"] = set_deepspeed_environment
    if request["gpus"] > 1:
        simulated_machine.simulate_processes(request["gpus"])
    if request["assume_gpu"]:
        simulated_machine.simulate_gpu([cli, config, trainer])
        vars(cli)["gpu_capabilities"] = lambda: fake_gpu_capabilities(request["gpus"])
        vars(config)["choose_device"] = lambda cfg: cfg.__setitem__("device", "cuda:0")
    if request["model_config"]:
        read = config.load_model_config
        stand_in = request["model_config"]
        vars(config)["load_model_config"] = lambda cfg: (
            read(cfg) if Path(cfg.base_model).is_dir() else simulated_machine.read_model_config(stand_in)
        )


def fake_gpu_capabilities(gpus: int) -> tuple[Arguments, Arguments]:
    """What axolotl.cli.config.gpu_capabilities finds on a host with Hopper GPUs."""
    version = str(import_module("torch").__version__).partition("+")[0]
    able = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": gpus, "compute_capability": ASSUMED_CAPABILITY}
    return able, {"torch_version": version}


def set_deepspeed_environment(_cfg: Any, stage: int | None = None) -> None:
    """The one variable of axolotl.utils.trainer.setup_deepspeed_env that later values depend on.

    The rest starts DeepSpeed itself, which needs the package and a GPU.
    """
    if stage:
        os.environ["ACCELERATE_DEEPSPEED_ZERO_STAGE"] = str(stage)


def resolve_arguments(cfg: Any, folder: str | None) -> Arguments:
    """The resolved config `cfg` under our names; `folder` holds the model's config.json."""
    train = build_training_args(cfg, None)
    warmups = {total: build_training_args(cfg, total) for total in REPORTED_STEPS}
    found: Arguments = {
        **common_arguments.read_training_arguments(train),
        **{
            f"warmup_steps_at_{total}": common_arguments.compute_warmup_steps(args, total)
            for total, args in warmups.items()
        },
        **resolve_adapter(cfg, folder),
        **resolve_trained_layers(cfg, folder),
        **resolve_objective(cfg, train),
        "lora_plus": cfg.loraplus_lr_ratio,
        "start_from": cfg.lora_model_dir,
        "streaming": bool(cfg.streaming),
        "fp8": bool(cfg.fp8),
        "offload_activations": bool(cfg.activation_offloading),
        "cut_cross_entropy": bool(cfg.cut_cross_entropy),
        "max_length": cfg.sequence_len,
        "overlong": OVERLONG_NAMES[cfg.excess_length_strategy or "drop"],
        "packing": bool(cfg.sample_packing),
        "packing_isolated": bool(cfg.sample_packing and isolates_packed_documents(cfg)),
        "gradient_checkpointing": bool(train.gradient_checkpointing),
        "use_reentrant": (train.gradient_checkpointing_kwargs or {}).get("use_reentrant"),
        "deepspeed_stage": read_deepspeed_stage(cfg.deepspeed),
        "liger": any(value for key, value in cfg.items() if key.startswith("liger_")),
        "lora_kernels": [name for name in LORA_KERNELS if cfg[name]],
    }
    custom = import_module("axolotl.utils.schemas.enums").CustomSupportedOptimizers
    if cfg.optimizer in [item.value for item in custom]:
        found["optimizer"] = common_arguments.plain_value(cfg.optimizer)
    found["scheduler"] = getattr(train, "alternate_lr_scheduler_type", None) or found["scheduler"]
    return common_arguments.divide_batch(found, cfg.tensor_parallel_size, cfg.context_parallel_size)


def resolve_objective(cfg: Any, train: Any) -> Arguments:
    """The objective; a reward model and plain text have no key of their own."""
    kind = cfg.datasets[0]["type"]
    named = "reward" if cfg.reward_model else "pretrain" if kind == "completion" else "sft"
    rewards = [name.rpartition(".")[2] for name in (cfg.trl or {}).get("reward_funcs") or []]
    return (
        objective.read_trl_objective(common_arguments.plain_value(cfg.rl), train, rewards)
        if cfg.rl
        else objective.make_objective(named)
    )


def resolve_trained_layers(cfg: Any, folder: str | None) -> Arguments:
    """The layers that `unfrozen_parameters` leaves trainable."""
    if folder is None or not cfg.unfrozen_parameters:
        return {"trained_layers": None}
    blank = simulated_machine.build_blank_model(folder)
    import_module("axolotl.utils.freeze").freeze_layers_except(blank, cfg.unfrozen_parameters)
    return common_arguments.read_trained_layers(blank)


def isolates_packed_documents(cfg: Any) -> bool:
    """sdpa and eager keep packed documents apart since Axolotl 0.18; the default attention, left open, does not."""
    return bool(cfg.attn_supports_packing or cfg.attn_implementation in ("sdpa", "eager"))


def read_deepspeed_stage(deepspeed: Any) -> int | None:
    """The ZeRO stage of a DeepSpeed config that Axolotl has read; None where there is none."""
    if not deepspeed:
        return None
    return int((deepspeed.get("zero_optimization") or {}).get("stage", 0)) if isinstance(deepspeed, dict) else None


def build_training_args(cfg: Any, total_steps: int | None) -> Any:
    """The arguments Axolotl's builder makes for its trainer in a run of `total_steps` optimizer steps.

    Warmup depends on them: a share is rounded down, and one step becomes two
    (axolotl.core.builders.base.TrainerBuilderBase._configure_warmup_and_logging).
    """
    builders = import_module("axolotl.core.builders")
    tokenizer = SimpleNamespace(chat_template="{{ messages }}")
    if cfg.rl:
        return set_eval_dataset(builders.HFRLTrainerBuilder(cfg, None, tokenizer), cfg)._build_training_arguments(
            total_steps
        )[0]
    builder = set_eval_dataset(builders.HFCausalTrainerBuilder(cfg, None, tokenizer), cfg)
    builder.hook_pre_create_training_args = drop_deepspeed
    builder.hook_post_create_training_args = stop_builder
    try:
        builder.build(total_steps)
    except BuildStopped as done:
        return done.training_args
    raise RuntimeError("Axolotl built a trainer without making its arguments")


def set_eval_dataset(builder: Any, cfg: Any) -> Any:
    """The builder asks only whether there are rows to evaluate on."""
    builder.eval_dataset = ["rows"] if cfg.test_datasets or cfg.val_set_size else None
    return builder


def stop_builder(args: Any) -> None:
    """Stop the builder here: what follows needs a model and rows."""
    raise BuildStopped(args)


def drop_deepspeed(options: dict[str, Any]) -> dict[str, Any]:
    """The CPU environment has no DeepSpeed; its stage is read from the config instead."""
    return {name: value for name, value in options.items() if name != "deepspeed"}


def resolve_adapter(cfg: Any, folder: str | None) -> Arguments:
    """Adapter, quantization and attention as Axolotl's model loader sets them."""
    if folder is None:
        return {
            **common_arguments.read_adapter(None),
            **common_arguments.read_quantization(None),
            "attention": cfg.attn_implementation,
        }
    blank = simulated_machine.build_blank_model(folder)
    build = import_module("axolotl.loaders.adapter")._build_peft_lora_config
    config = build(blank, cfg) if cfg.adapter in ("lora", "qlora") else None
    loader = import_module("axolotl.loaders.model").ModelLoader
    part = loader.__new__(loader)
    part.cfg, part.model_config, part.model_kwargs = cfg, blank.config, {}
    part._set_quantization_config()
    return {
        **common_arguments.read_adapter(config),
        **common_arguments.read_quantization(part.model_kwargs.get("quantization_config")),
        "attention": cfg.attn_implementation or blank.config._attn_implementation,
    }
