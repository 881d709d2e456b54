"""What files beside the framework's config have to say of a plan: no parser on this machine reads them whole.

rows.json and rewards.json are read by our own programs; DeepSpeed's and accelerate's settings, and Megatron's, want
packages or GPUs that the CPU environments have not. What is expected stands here a second time, by the files' own
documentation, independently of the templates; for rows.json and LLaMA-Factory's list of data sets it is the whole file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import yaml

from qwen_recipes.backends.plan import Plan, SourcePlan

from .corpus import MappingCase
from .native_arguments import expect_loss_scale, read_path

Told = dict[str, Any]


def find_wrong_key(case: MappingCase, name: str, template: str, text: str) -> str | None:
    """The first key of a file that says something else than the plan; None where none does or the file isn't known."""
    expect = EXPECTED.get(template)
    if expect is None:
        return None
    try:
        data = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        return f"{name} can't be read: {error}"
    for path, value in expect(case).items():
        found = read_path(data, path)
        if found != value:
            return f"{name}: `{path}` is {found!r}, and the plan says {value!r}"
    return None


def expect_rows(case: MappingCase) -> Told:
    """Everything that the row program is told."""
    plan = case.made.plan
    sft, chat = plan.objective.type == "sft", plan.objective.chat
    shape = case.backend.choose_row_shape(plan)
    template = f"{plan.output.dir}/rows/chat_template.jinja" if plan.chat.compiled_in else plan.chat.template
    tools = {"tool_style": "coder"} if plan.model.id.startswith("Qwen/Qwen3-Coder-") else {}
    return {
        "train": [{**_expect_source(one), **tools} for one in plan.data.train],
        "validation": [{**_expect_source(one), **tools} for one in plan.data.validation],
        "validation_share": plan.data.validation_share,
        "shape": shape,
        "seed": plan.training.data_seed,
        "tokenizer": plan.model.id,
        "revision": plan.model.revision,
        **({"source": plan.model.source} if plan.model.source else {}),
        "chat_template": template if chat else None,
        "train_on": plan.chat.train_on if sft else "assistant",
        "turns": plan.chat.turns if sft else "together",
        "thinking": plan.chat.thinking if plan.objective.type not in ("grpo", "pretrain") else "auto",
        "arrow": case.backend.name == "llamafactory" and shape.startswith("tokenized"),
        "sequence_length": plan.training.sequence_length - _count_reserved_tokens(case),
        "pack_length": plan.training.pack_length,
        "overlong": plan.training.overlong,
        "output_dir": plan.output.dir,
        "out": f"{plan.output.dir}/rows",
        "copied": _expect_copied(case),
        "needed_packs": case.backend.count_needed_packs(plan),
        "needed_examples": case.backend.count_needed_examples(plan),
        "steps": _expect_steps(case) if plan.counts_steps else None,
    }


def _count_reserved_tokens(case: MappingCase) -> int:
    """LLaMA-Factory's packs of SFT examples hold one token less than `cutoff_len`: an example as long does not fit."""
    plan = case.made.plan
    t = plan.training
    keeps_one = case.backend.name == "llamafactory" and t.packing and plan.objective.type == "sft"
    return int(keeps_one and t.pack_length == t.sequence_length)


def _expect_source(source: SourcePlan) -> Told:
    told = asdict(source)
    del told["name"]
    return {**told, "columns": dict(source.columns)}


def _expect_copied(case: MappingCase) -> list[str]:
    """Every compiled file that is no script of ours, in the order in which it is listed.

    Axolotl finds its Python files by PYTHONPATH in the compiled folder.
    """
    told: list[str] = json.loads(case.made.files["rows.json"])["copied"]
    elsewhere = {"run.sh", "rows.json"}
    elsewhere |= {"trainer_plugin.py", "axolotl_preferences.py"} if case.backend.name in ("axolotl", "trl") else set()
    kept = {name for name in case.made.files if "/" not in name} - elsewhere
    plugin = {"rows/ms_swift_template.py"} & set(told)
    return told if set(told) - plugin == kept else sorted(kept | plugin)


def _expect_steps(case: MappingCase) -> Told:
    t, h = case.made.plan.training, case.made.plan.hardware
    return {
        "epochs": t.epochs,
        "micro_batch_size": t.micro_batch_size,
        "replicas": h.gpus * h.nodes,
        "gradient_accumulation": t.gradient_accumulation,
        "warmup_ratio": t.warmup.ratio,
        "warmup_steps": t.warmup.steps,
        "decay_ratio": t.decay.ratio if t.scheduler == "warmup_stable_decay" else None,
        "keys": {
            "steps": "max_steps",
            "warmup_steps": "warmup_steps",
            "warmup_ratio": "warmup_ratio",
            "scheduler_options": "lr_scheduler_kwargs",
            "decay_steps": "num_decay_steps",
            "stable_steps": "num_stable_steps",
        },
    }


def expect_rewards(case: MappingCase) -> Told:
    """Where `reward_functions.py` finds them."""
    return {"rewards": [{"path": one.path, "function": one.function} for one in case.made.plan.objective.rewards]}


def expect_deepspeed(case: MappingCase) -> Told:
    """DeepSpeed's own keys: https://www.deepspeed.ai/docs/config-json/."""
    plan = case.made.plan
    t, h = plan.training, plan.hardware
    stage = int(h.strategy.removeprefix("zero"))
    whole = h.tensor_parallel * h.context_parallel == 1
    bucket = 50_000_000 if plan.method.adapter else 500_000_000
    return {
        "bf16.enabled": t.precision == "bf16",
        "fp16.enabled": t.precision == "fp16",
        "zero_optimization.stage": stage,
        "zero_optimization.reduce_bucket_size": "auto" if stage == 3 else bucket,
        "zero_optimization.allgather_bucket_size": None if stage == 3 else bucket,
        "zero_optimization.offload_optimizer.device": None if h.offload == "none" else "cpu",
        "zero_optimization.offload_param.device": "cpu" if h.offload == "all" else None,
        "train_batch_size": t.batch_size if whole else None,
        "train_micro_batch_size_per_gpu": t.micro_batch_size,
        "gradient_accumulation_steps": t.gradient_accumulation,
        "gradient_clipping": t.max_grad_norm / (plan.objective.kl_weight or 1),
    }


def expect_accelerate(case: MappingCase) -> Told:
    """accelerate's FSDP settings, for LLaMA-Factory."""
    plan = case.made.plan
    h = plan.hardware
    return {
        "fsdp_config.fsdp_version": 1 if h.strategy == "fsdp1" else 2,
        "fsdp_config.fsdp_transformer_layer_cls_to_wrap": plan.model.layer_class,
        "fsdp_config.fsdp_cpu_ram_efficient_loading": plan.quantization.bits == 16,
        "fsdp_config.fsdp_offload_params": h.offload == "all",
        "mixed_precision": {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}[plan.training.precision],
        "num_machines": h.nodes,
        "num_processes": h.gpus * h.nodes,
    }


def expect_trl_accelerate(case: MappingCase) -> Told:
    """accelerate's settings of several processes, for TRL."""
    plan = case.made.plan
    h = plan.hardware
    told: Told = {
        "distributed_type": "FSDP" if h.fsdp else "MULTI_GPU",
        "mixed_precision": {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}[plan.training.precision],
        "num_machines": h.nodes,
        "num_processes": h.gpus * h.nodes,
    }
    if h.fsdp:
        told |= {
            "fsdp_config.fsdp_transformer_layer_cls_to_wrap": plan.model.layer_class,
            "fsdp_config.fsdp_cpu_ram_efficient_loading": plan.quantization.bits == 16,
            "fsdp_config.fsdp_offload_params": h.offload == "all",
        }
    return told


def expect_swift_fsdp(case: MappingCase) -> Told:
    """transformers' FSDP settings, for ms-swift."""
    plan = case.made.plan
    return {
        "fsdp": "full_shard auto_wrap" + (" offload" if plan.hardware.offload == "all" else ""),
        "fsdp_config.transformer_layer_cls_to_wrap": [plan.model.layer_class],
        "fsdp_config.cpu_ram_efficient_loading": plan.quantization.bits == 16,
        "fsdp_config.activation_checkpointing": plan.training.gradient_checkpointing,
    }


def expect_datasets(case: MappingCase) -> Told:
    """LLaMA-Factory's list of data sets, by split."""
    plan = case.made.plan
    splits = ("train", "validation") if plan.data.validates else ("train",)
    return {f"{plan.name}_{split}.file_name": f"{split}.jsonl" for split in splits}


MEGATRON_ATTENTION = {
    "sdpa": "auto",
    "eager": "unfused",
    "flash_attention_2": "flash_2",
    "flash_attention_3": "flash_3",
}


def expect_megatron(case: MappingCase) -> Told:
    """ms-swift's arguments of `megatron sft` and `megatron rlhf`."""
    return {**_expect_megatron_model(case), **_expect_megatron_training(case), **_expect_megatron_place(case)}


def _expect_megatron_model(case: MappingCase) -> Told:
    plan = case.made.plan
    m, o, t = plan.method, plan.objective, plan.training
    told: Told = {
        "model": plan.model.id,
        "model_revision": plan.model.revision,
        "use_hf": plan.model.source is None,
        "model_type": plan.model.model_type,
        "torch_dtype": {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}[t.precision],
        "bf16": t.precision == "bf16",
        "fp16": t.precision == "fp16",
        "attention_backend": MEGATRON_ATTENTION[t.attention],
        "tuner_type": m.type,
    }
    if m.adapter:
        told |= {"lora_rank": m.rank, "lora_alpha": m.alpha, "lora_dropout": m.dropout, "use_rslora": m.rslora}
        told["target_modules"] = ["linear_qkv", "linear_proj", "linear_fc1", "linear_fc2"][
            : 4 if "up_proj" in m.targets else 2
        ]
        told["adapters"] = [m.start_from] if m.start_from else None
    if o.type == "dpo":
        told |= {"rlhf_type": "dpo", "beta": o.beta, "loss_type": o.loss, "label_smoothing": o.label_smoothing}
        told["rpo_alpha"] = o.sft_weight or None
        told["ref_adapters"] = [m.start_from] if m.start_from and o.reference == "start" else None
    return told


def _expect_megatron_training(case: MappingCase) -> Told:
    plan = case.made.plan
    t, rows = plan.training, f"{plan.output.dir}/rows"
    least = t.learning_rate * t.min_learning_rate_ratio if t.scheduler == "cosine_with_min_lr" else 0.0
    return {
        "template": {"thinking-2507": "qwen3_thinking", "instruct-2507": "qwen3_nothinking"}.get(
            plan.chat.template, "qwen3"
        ),
        "dataset": [f"{rows}/train.jsonl"],
        "val_dataset": [f"{rows}/validation.jsonl"] if plan.data.validates else None,
        "max_length": t.sequence_length,
        "truncation_strategy": {"drop": "delete", "truncate": "right", "error": "delete"}[t.overlong],
        "strict": t.overlong == "error",
        "packing": t.packing,
        "packing_length": t.pack_length if t.packing else None,
        "train_iters": t.steps,
        "num_train_epochs": None if t.steps is not None else t.epochs,
        "micro_batch_size": t.micro_batch_size,
        "global_batch_size": t.batch_size,
        "lr": t.learning_rate,
        "min_lr": least,
        "lr_decay_style": {"cosine_with_min_lr": "cosine", "constant_with_warmup": "constant"}.get(
            t.scheduler, t.scheduler
        ),
        "lr_warmup_iters": t.warmup.steps,
        "lr_warmup_fraction": t.warmup.ratio if t.warmup.steps is None else None,
        "optimizer": {"sgd": "sgd"}.get(t.optimizer, "adam"),
        "adam_beta1": t.beta1,
        "adam_beta2": t.beta2,
        "adam_eps": t.epsilon,
        "weight_decay": t.weight_decay,
        "clip_grad": t.max_grad_norm,
        "seed": t.seed,
        "data_seed": t.data_seed,
        "dataloader_num_workers": t.dataloader_workers,
        "recompute_granularity": "full" if t.gradient_checkpointing else "none",
    }


def _expect_megatron_place(case: MappingCase) -> Told:
    plan = case.made.plan
    t, h = plan.training, plan.hardware
    to, names = plan.tracking.to, (plan.tracking.project, plan.tracking.run_name)
    thinks = plan.chat.template in ("hybrid", "base")
    scale = expect_loss_scale(plan)
    return {
        "tensor_model_parallel_size": h.tensor_parallel,
        "pipeline_model_parallel_size": h.pipeline_parallel,
        "context_parallel_size": h.context_parallel,
        "expert_model_parallel_size": h.expert_parallel,
        "sequence_parallel": h.tensor_parallel > 1,
        "loss_scale": scale if thinks else scale.removesuffix("+ignore_empty_think"),
        "save_strategy": "epoch" if t.save_every == "epoch" else "steps",
        "save_steps": None if t.save_every == "epoch" else t.save_every,
        "eval_steps": None if t.evaluate_every in ("never", "epoch") else t.evaluate_every,
        "save_total_limit": t.keep_checkpoints,
        "no_save_optim": not t.save_optimizer,
        "logging_steps": t.log_every,
        "report_to": ["tensorboard" if to == "none" else to],
        "wandb_project": names[0] if to == "wandb" else None,
        "wandb_exp_name": names[1] if to == "wandb" else None,
        "swanlab_project": names[0] if to == "swanlab" else None,
        "swanlab_exp_name": names[1] if to == "swanlab" else None,
        "output_dir": plan.output.dir,
    }


def expect_unparsed(case: MappingCase) -> Told:
    """Keys for packages that no environment on this machine has: GaLore, APOLLO, vLLM and SwanLab.

    Beside them what stands in configs for older versions only, whose environments are not locked.
    """
    plan, backend = case.made.plan, case.backend.name
    told: Told = {}
    if backend == "llamafactory":
        told = {**_expect_low_rank(plan), **_expect_old_llamafactory(case)}
    elif backend == "ms-swift":
        told = {**_expect_vllm(plan), **_expect_old_swift(case)}
    elif not case.backend.is_at_least("0.17"):
        switch = {"sdpa": "sdp_attention", "eager": "eager_attention"}.get(plan.training.attention)
        told = {switch or f"{plan.training.attention.removesuffix('_2')}": True}
        if plan.objective.type == "dpo":
            told["rl"] = "ipo" if plan.objective.loss == "ipo" else "dpo"
    if plan.tracking.to == "swanlab":
        name = "swanlab_run_name" if backend == "llamafactory" else "swanlab_exp_name"
        told |= {"swanlab_project": plan.tracking.project, name: plan.tracking.run_name}
    return told


def _expect_low_rank(plan: Plan) -> Told:
    t = plan.training
    name = t.optimizer.removesuffix("_adamw")
    if name not in ("galore", "apollo"):
        return {}
    sizes = {"rank": t.low_rank.rank, "update_interval": t.low_rank.update_interval, "scale": t.low_rank.scale}
    return {f"use_{name}": True, **{f"{name}_{key}": value for key, value in sizes.items()}}


def _expect_vllm(plan: Plan) -> Told:
    o = plan.objective
    if o.type != "grpo" or o.vllm == "none":
        return {}
    if o.vllm == "colocate":
        return {"use_vllm": True, "vllm_mode": "colocate", "vllm_gpu_memory_utilization": o.vllm_memory}
    server = {"vllm_server_host": [o.vllm_host], "vllm_server_port": [o.vllm_port]}
    return {"use_vllm": True, "vllm_mode": "server", **server}


def _expect_old_llamafactory(case: MappingCase) -> Told:
    t = case.made.plan.training
    if case.backend.is_at_least("0.9.5"):
        return {}
    return {"warmup_steps": t.warmup.steps, "warmup_ratio": t.warmup.ratio if t.warmup.steps is None else None}


def _expect_old_swift(case: MappingCase) -> Told:
    plan = case.made.plan
    if case.backend.is_at_least("4.0"):
        return {}
    told: Told = {"train_type": "lora" if plan.method.adapter else "full"}
    if plan.objective.type == "dpo":
        told |= {"loss_type": [plan.objective.loss], "rpo_alpha": plan.objective.sft_weight or None}
    return told


EXPECTED: dict[str, Callable[[MappingCase], Told]] = {
    "rows.json.j2": expect_rows,
    "rewards.json.j2": expect_rewards,
    "deepspeed.json.j2": expect_deepspeed,
    "fsdp.yaml.j2": expect_accelerate,
    "fsdp.json.j2": expect_swift_fsdp,
    "accelerate.yaml.j2": expect_trl_accelerate,
    "dataset_info.json.j2": expect_datasets,
    "megatron.yaml.j2": expect_megatron,
    "train.yaml.j2": expect_unparsed,
}
