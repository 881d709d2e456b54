"""What the framework's own resolved config holds of a plan, where `parsers/common_arguments.py` has no name for it.

Keys are paths in `ParsedConfig.raw`. A key that is not listed for a plan may hold anything. Values are of the plan,
said here a second time and independently of the templates.
"""

from __future__ import annotations

import json
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS

from .native_values import ANY, Native, expect_stable_decay, locate_template
from .trl_arguments import expect_trl


def expect_native(plan: Plan, backend: str) -> Native:
    """Paths of a framework's resolved config, and what they have to hold."""
    of = {
        "axolotl": expect_axolotl,
        "llamafactory": expect_llamafactory,
        "ms-swift": expect_ms_swift,
        "trl": expect_trl,
    }
    return of[backend](plan)


def read_path(data: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none. A number steps into a list, a text may hold JSON."""
    for step in path.split("."):
        if isinstance(data, str):
            data = json.loads(data)
        if isinstance(data, list):
            data = data[int(step)] if int(step) < len(data) else None
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data


def expect_axolotl(plan: Plan) -> Native:
    """`cfg` as Axolotl's trainers read it."""
    t, rows = plan.training, f"{plan.output.dir}/rows"
    found: Native = {
        "base_model": plan.model.id,
        "revision_of_model": plan.model.revision,
        "special_tokens.eos_token": plan.chat.eos,
        "special_tokens.pad_token": plan.chat.pad,
        "datasets.0.path": f"{rows}/train.jsonl",
        "dataset_prepared_path": f"{rows}/prepared",
        "pad_to_sequence_len": t.packing,
        "bf16": t.precision == "bf16",
        "tf32": t.tf32 if plan.hardware.device == "cuda" else False,
        "eval_batch_size": t.evaluation_micro_batch_size,
        "save_only_model": not t.save_optimizer,
        "early_stopping_patience": t.early_stopping,
        "dataloader_num_workers": t.dataloader_workers if t.dataloader_workers is not None else ANY,
        "excess_length_strategy": {"drop": "drop", "truncate": "truncate", "error": "raise"}[t.overlong],
        "plugins": list_axolotl_plugins(plan),
    }
    if plan.data.validates:
        found |= {"test_datasets.0.path": f"{rows}/validation.jsonl", "eval_sample_packing": t.packing}
    if plan.objective.chat:
        found |= {"chat_template_jinja": locate_template(plan), "eot_tokens": [plan.chat.eos]}
    if plan.objective.type == "sft":
        marked = load_backend("axolotl").choose_row_shape(plan) == "marked-messages"
        found["train_on_inputs"] = plan.chat.train_on == "all" and marked
    return found | _expect_axolotl_place(plan) | _expect_axolotl_tracking(plan) | _expect_axolotl_vllm(plan)


def list_axolotl_plugins(plan: Plan) -> list[str]:
    """Plugins in the order in which they are loaded."""
    backend = load_backend("axolotl")
    cast = {"float32": "Float32Weights", "bfloat16": "BFloat16Weights"}.get(backend.choose_weights_cast(plan) or "")
    wanted = (
        (f"weights_dtype.{cast}", cast),
        *((f"trainer_plugin.{name}", name) for name in backend.choose_plugins(plan)),
        ("axolotl_preferences.TokenizedPreferences", backend.choose_row_shape(plan) in ("pair-ids", "label-ids")),
        ("axolotl.integrations.liger.LigerPlugin", plan.training.liger),
        ("axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin", plan.training.cut_cross_entropy),
    )
    return [name for name, needed in wanted if needed]


def _expect_axolotl_place(plan: Plan) -> Native:
    found: Native = {}
    if plan.hardware.fsdp:
        found = {
            "fsdp_config.transformer_layer_cls_to_wrap": [plan.model.layer_class],
            "fsdp_config.cpu_ram_efficient_loading": plan.quantization.bits == 16
            and plan.hardware.tensor_parallel == 1,
            "fsdp_config.offload_params": plan.hardware.offload == "all",
        }
    if plan.method.adapter:
        found["peft_autocast_adapter_dtype"] = plan.training.weights_dtype == "float32"
        found["adapter"] = "qlora" if plan.quantization.bits == 4 else "lora"
        found["quantize_moe_experts"] = plan.quantization.experts
        found |= {f"lora_{name}_kernel": plan.training.lora_kernels for name in ("mlp", "qkv", "o")}
        if plan.method.start_from or plan.method.variant == "pissa":
            trainer = {"dpo": "ContinuedDPOTrainer", "kto": "ContinuedKTOTrainer"}.get(plan.objective.type)
            found["trainer_cls"] = trainer and f"trainer_plugin.{trainer}"
    if plan.training.liger:
        fused = plan.objective.type in ("sft", "pretrain") and not plan.training.cut_cross_entropy
        found["liger_fused_linear_cross_entropy"] = fused
    if plan.training.scheduler == "warmup_stable_decay":
        found |= {f"lr_scheduler_kwargs.{key}": value for key, value in expect_stable_decay(plan).items()}
    return found


def _expect_axolotl_tracking(plan: Plan) -> Native:
    keys = {
        "wandb": ("wandb_project", "wandb_name"),
        "mlflow": ("mlflow_experiment_name", "mlflow_run_name"),
        "trackio": ("trackio_project_name", "trackio_run_name"),
    }
    if plan.tracking.to not in keys:
        return {}
    return dict(zip(keys[plan.tracking.to], (plan.tracking.project, plan.tracking.run_name), strict=True))


def _expect_axolotl_vllm(plan: Plan) -> Native:
    o = plan.objective
    if o.type != "grpo" or o.vllm == "none":
        return {}
    if o.vllm == "server":
        return {"trl.vllm_server_host": o.vllm_host, "trl.vllm_server_port": o.vllm_port}
    return {"vllm.gpu_memory_utilization": o.vllm_memory}


def expect_llamafactory(plan: Plan) -> Native:
    """Its four argument classes."""
    t, o = plan.training, plan.objective
    found: Native = {
        "model.model_name_or_path": plan.model.id,
        "model.model_revision": plan.model.revision or "main",
        "finetuning.pure_bf16": t.weights_dtype == "bfloat16",
        "finetuning.early_stopping_steps": t.early_stopping,
        "data.dataset": [f"{plan.name}_train"],
        "data.dataset_dir": f"{plan.output.dir}/rows",
        "data.eval_dataset": [f"{plan.name}_validation"] if plan.data.validates else None,
        "data.neat_packing": t.packing and o.type == "sft",
        "training.tf32": t.tf32 if plan.hardware.device == "cuda" else ANY,
        "training.save_only_model": not t.save_optimizer,
        "training.dataloader_num_workers": t.dataloader_workers if t.dataloader_workers is not None else ANY,
        "training.run_name": plan.tracking.run_name if plan.tracking.to != "swanlab" else ANY,
    }
    if load_backend("llamafactory").choose_row_shape(plan).startswith("tokenized"):
        found["data.tokenized_path"] = f"{plan.output.dir}/rows/tokenized"
    if o.type == "sft":
        whole = load_backend("llamafactory").choose_row_shape(plan) == "messages"
        found["data.train_on_prompt"] = plan.chat.train_on == "all" and whole
        found["data.mask_history"] = plan.chat.train_on == "last-assistant" and plan.chat.template == "base"
    if t.scheduler == "warmup_stable_decay":
        found |= {f"training.lr_scheduler_kwargs.{key}": value for key, value in expect_stable_decay(plan).items()}
    if t.evaluate_every != "never":
        found["training.per_device_eval_batch_size"] = t.evaluation_micro_batch_size
    return found | _expect_llamafactory_rows(plan)


def _expect_llamafactory_rows(plan: Plan) -> Native:
    o, found = plan.objective, {}
    if o.type == "sft" and plan.chat.encoding == "native" and plan.chat.official and plan.chat.template != "base":
        found["data.template"] = "empty"
    elif o.chat:
        found["data.template"] = "qwen3_nothink" if plan.chat.template == "instruct-2507" else "qwen3"
        if plan.chat.template != "instruct-2507":
            found["data.enable_thinking"] = True if plan.chat.thinking == "train-empty" else None
    if plan.method.type == "freeze":
        found["finetuning.freeze_trainable_layers"] = plan.method.layers
    if o.type in ("dpo", "kto") and plan.method.start_from and o.reference == "start":
        found |= {"finetuning.ref_model": plan.model.id, "finetuning.ref_model_adapters": plan.method.start_from}
        if plan.quantization.bits != 16:
            found["finetuning.ref_model_quantization_bit"] = plan.quantization.bits
    if plan.tracking.to == "trackio":
        found["training.project"] = plan.tracking.project
    if plan.tracking.to == "swanlab":
        found |= {
            "finetuning.swanlab_project": plan.tracking.project,
            "finetuning.swanlab_run_name": plan.tracking.run_name,
        }
    return found


def expect_ms_swift(plan: Plan) -> Native:
    """The arguments of `swift sft`, `pt` and `rlhf`."""
    t, rows = plan.training, f"{plan.output.dir}/rows"
    cast = load_backend("ms-swift").choose_weights_cast(plan)
    words = {"hybrid": "qwen3", "base": "qwen3", "thinking-2507": "qwen3_thinking", "instruct-2507": "qwen3_nothinking"}
    dtypes = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
    found: Native = {
        "model": plan.model.id,
        "model_revision": plan.model.revision,
        "use_hf": plan.model.source is None,
        "model_type": plan.model.model_type,
        "torch_dtype": dtypes[t.precision],
        "bf16": t.precision == "bf16",
        "tf32": t.tf32 if plan.hardware.device == "cuda" else ANY,
        "template": words[plan.chat.template if plan.chat.official else "hybrid"],
        "dataset": [f"{rows}/train.jsonl"],
        "val_dataset": [f"{rows}/validation.jsonl"] if plan.data.validates else [],
        "strict": t.overlong == "error",
        "packing_length": t.pack_length if t.packing else ANY,
        "per_device_eval_batch_size": t.evaluation_micro_batch_size,
        "run_name": plan.tracking.run_name,
        "save_only_model": not t.save_optimizer or t.save_every == "never",
        "early_stop_interval": t.early_stopping,
        "dataloader_num_workers": t.dataloader_workers if t.dataloader_workers is not None else ANY,
        "loss_scale": expect_loss_scale(plan),
        "truncation_strategy": {"drop": "delete", "truncate": "right", "error": "delete"}[t.overlong],
        "external_plugins": list_swift_plugins(plan),
        "callbacks": [f"{cast}_weights"] if cast else ANY,
    }
    if t.optimizer in LOW_RANK_OPTIMIZERS:
        projected = "std,proj=random,scale_type=channel" if t.optimizer == "apollo_adamw" else "std"
        low = t.low_rank
        numbers = f"rank={low.rank},update_proj_gap={low.update_interval},scale={low.scale}"
        found["optim_args"] = f"{numbers},proj_type={projected}"
    if plan.quantization.bits == 4:
        found["bnb_4bit_compute_dtype"] = dtypes[t.precision]
    if t.scheduler == "warmup_stable_decay":
        found |= {f"lr_scheduler_kwargs.{key}": value for key, value in expect_stable_decay(plan).items()}
    return found | _expect_swift_extras(plan)


def list_swift_plugins(plan: Plan) -> list[str]:
    """Files that ms-swift imports, beside the rows."""
    backend = load_backend("ms-swift")
    names = [name.rpartition("/")[2] for name in backend.choose_plugins(plan)]
    names += ["weights_dtype.py"] if backend.choose_weights_cast(plan) else []
    return [f"{plan.output.dir}/rows/{name}" for name in names]


def _expect_swift_extras(plan: Plan) -> Native:
    o, found = plan.objective, {}
    if plan.method.start_from and o.kl_weight is not None and o.reference == "start":
        found["teacher_adapters"] = [plan.method.start_from]
    elif plan.method.start_from and o.compares and o.reference == "start":
        found["ref_adapters"] = [plan.method.start_from]
    if o.kl_weight is not None:
        beside = plan.model.id if plan.method.start_from and o.reference == "start" else ANY
        found |= {"teacher_model": beside, "teacher_model_type": plan.model.model_type}
        found["teacher_model_revision"] = plan.model.revision
    if plan.tracking.to == "swanlab":
        found |= {"swanlab_project": plan.tracking.project, "swanlab_exp_name": plan.tracking.run_name}
    if plan.tracking.to == "trackio":
        found["project"] = plan.tracking.project
    return found


def expect_loss_scale(plan: Plan) -> str:
    """ms-swift's name for what carries loss: not the empty thoughts, where they are not asked for."""
    if not plan.objective.chat:
        return "all"
    if plan.objective.type == "sft":
        base = {"assistant": "default", "last-assistant": "last_round", "all": "all"}[plan.chat.train_on]
        thinks = True
    else:
        base, thinks = "last_round", plan.chat.template in ("hybrid", "base")
    open_thoughts = base != "all" and thinks and plan.chat.thinking == "auto"
    return base + ("+ignore_empty_think" if open_thoughts else "")
