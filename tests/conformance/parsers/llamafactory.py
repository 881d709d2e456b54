"""A config as `llamafactory-cli train` reads it (the v0 engine)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from . import common_arguments, objective, simulated_machine
from .common_arguments import Arguments

REPORTED_STEPS = (100, 1000)


def load() -> str:
    """Import LLaMA-Factory; its version."""
    os.environ.update(simulated_machine.WORKER_ENVIRONMENT, LLAMAFACTORY_VERBOSITY="WARN")
    for module in ("hparams.parser", "model.adapter", "model.model_utils.checkpointing"):
        import_module(f"llamafactory.{module}")
    import_module("torch.testing._internal.distributed.fake_pg")
    return str(import_module("llamafactory.extras.env").VERSION)


def parse(request: Mapping[str, Any]) -> tuple[Arguments, Arguments]:
    """What training would run with, under our names and under the framework's.

    The model, which the framework's own parser does not look at, is needed for target modules and attention only.
    """
    parser = import_module("llamafactory.hparams.parser")
    if request["assume_gpu"]:
        simulated_machine.simulate_gpu([parser])
    sys.argv = ["llamafactory-cli", request["config"]]
    given = parser.read_args()
    if request["gpus"] > 1 or (isinstance(given, dict) and given.get("deepspeed")):
        simulated_machine.simulate_processes(request["gpus"])
    parser.get_ray_args(given)
    model, data, train, tuning, _ = parser.get_train_args(given)
    folder = simulated_machine.find_model_folder(model.model_name_or_path, request["model_config"])
    arguments = {
        **common_arguments.read_training_arguments(train),
        **{f"warmup_steps_at_{total}": common_arguments.compute_warmup_steps(train, total) for total in REPORTED_STEPS},
        **resolve_rows(data),
        **resolve_model_loading(model, folder, request["assume_gpu"]),
        **common_arguments.read_adapter(build_lora_config(model, tuning, folder)),
        **resolve_trained_layers(tuning, folder),
        **resolve_objective(tuning),
        "lora_plus": tuning.loraplus_lr_ratio,
        "start_from": (model.adapter_name_or_path or [None])[0],
        "streaming": bool(data.streaming),
        "fp8": bool(getattr(train, "fp8", False)),
        "offload_activations": False,
        "cut_cross_entropy": False,
        "liger": bool(model.enable_liger_kernel or train.use_liger_kernel),
        "lora_kernels": [],
    }
    for name in ("galore", "apollo"):
        if getattr(tuning, f"use_{name}"):
            arguments["optimizer"] = f"{name}_adamw"
            fields = ("rank", "update_interval", "scale")
            arguments["low_rank"] = [getattr(tuning, f"{name}_{field}") for field in fields]
    if tuning.use_muon:
        arguments["optimizer"] = "muon"
    if train.report_to == [] and tuning.use_swanlab:
        arguments["report_to"] = ["swanlab"]
    arguments = common_arguments.divide_batch(arguments, 1, 1)
    parts = {"model": model, "data": data, "training": train, "finetuning": tuning}
    return arguments, {name: common_arguments.to_json_value(part.to_dict()) for name, part in parts.items()}


def resolve_objective(tuning: Any) -> Arguments:
    """The objective. ORPO and SimPO are preference losses here, and plain text a stage."""
    kind = {"pt": "pretrain", "rm": "reward"}.get(tuning.stage, tuning.stage)
    kind = tuning.pref_loss if kind == "dpo" and tuning.pref_loss in ("orpo", "simpo") else kind
    weights = {"desirable_weight": tuning.kto_chosen_weight, "undesirable_weight": tuning.kto_rejected_weight}
    dpo = {"loss": tuning.pref_loss, "label_smoothing": tuning.dpo_label_smoothing, "sft_weight": tuning.pref_ftx}
    own: dict[str, Arguments] = {
        "dpo": {"beta": tuning.pref_beta, **dpo},
        "orpo": {"beta": tuning.pref_beta},
        "simpo": {"beta": tuning.pref_beta, "gamma": tuning.simpo_gamma, "sft_weight": tuning.pref_ftx},
        "kto": {"beta": tuning.pref_beta, **weights},
    }
    return objective.make_objective(kind, **own.get(kind, {}))


def resolve_trained_layers(tuning: Any, folder: str | None) -> Arguments:
    """The layers that freeze tuning leaves trainable."""
    if folder is None or tuning.finetuning_type != "freeze":
        return {"trained_layers": None}
    blank = simulated_machine.build_blank_model(folder)
    import_module("llamafactory.model.adapter")._setup_freeze_tuning(blank, tuning, True, False)
    return common_arguments.read_trained_layers(blank)


def resolve_rows(data: Any) -> Arguments:
    """A row is cut at `cutoff_len` and never left out (llamafactory.data.processor.processor_utils.infer_seqlen)."""
    return {
        "max_length": data.cutoff_len,
        "overlong": "truncate",
        "packing": bool(data.packing),
        "packing_isolated": bool(data.neat_packing),
    }


def resolve_model_loading(model: Any, folder: str | None, assume_gpu: bool) -> Arguments:
    """How the base model is loaded and prepared, as llamafactory.model.patcher does it."""
    found: Arguments = {"attention": None, **common_arguments.read_quantization(build_quantization_config(model))}
    if folder is not None:
        blank = simulated_machine.build_blank_model(folder)
        import_module("llamafactory.model.model_utils.checkpointing").prepare_model_for_training(blank, model)
        found["attention"] = resolve_attention(model, blank.config, assume_gpu)
    checkpoints = not model.disable_gradient_checkpointing
    return {
        **found,
        "gradient_checkpointing": checkpoints,
        "use_reentrant": bool(model.use_reentrant_gc) if checkpoints else None,
    }


def build_quantization_config(model: Any) -> Any:
    """The quantization config llamafactory.model.patcher would load the base model with, or None."""
    options: dict[str, Any] = {}
    module = import_module("llamafactory.model.model_utils.quantization")
    module.configure_quantization(None, None, model, True, options)
    return options.get("quantization_config")


def resolve_attention(model: Any, config: Any, assume_gpu: bool) -> str:
    """`auto` leaves transformers' own choice; `fa2` where flash-attn is missing does so too, after a warning."""
    if assume_gpu:
        vars(import_module("transformers.utils"))["is_flash_attn_2_available"] = lambda: True
    import_module("llamafactory.model.model_utils.attention").configure_attn_implementation(config, model)
    return str(config._attn_implementation)


def build_lora_config(model: Any, tuning: Any, folder: str | None) -> Any:
    """The LoRA config llamafactory.model.adapter would make, or None."""
    if tuning.finetuning_type != "lora":
        return None
    targets = tuning.lora_target
    if targets == ["all"] and folder is not None:
        misc = import_module("llamafactory.model.model_utils.misc")
        targets = misc.find_all_linear_modules(simulated_machine.build_blank_model(folder), tuning.freeze_vision_tower)
    config = import_module("peft").LoraConfig(
        r=tuning.lora_rank,
        target_modules=targets,
        lora_alpha=tuning.lora_alpha,
        lora_dropout=tuning.lora_dropout,
        use_rslora=tuning.use_rslora,
        use_dora=tuning.use_dora,
        modules_to_save=tuning.additional_target,
    )
    if tuning.pissa_init:
        config.init_lora_weights = "pissa" if tuning.pissa_iter == -1 else f"pissa_niter_{tuning.pissa_iter}"
    return config
