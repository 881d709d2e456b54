"""What TRL's resolved arguments hold of a plan, where `parsers/common_arguments.py` has no name for it."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan

from .native_values import ANY, Native, expect_stable_decay, locate_template

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def expect_trl(plan: Plan) -> Native:
    """The arguments of TRL's scripts: `script`, `training`, `model`, `dataset`."""
    t, o = plan.training, plan.objective
    found: Native = {
        "model.model_name_or_path": plan.model.id,
        "model.model_revision": plan.model.revision or "main",
        "model.dtype": DTYPES[t.precision] if plan.method.adapter else t.weights_dtype,
        "training.dataloader_num_workers": t.dataloader_workers or 0,
        "training.save_only_model": not t.save_optimizer,
        "training.load_best_model_at_end": t.early_stopping is not None,
        "training.run_name": plan.tracking.run_name,
        "training.project": plan.tracking.project if plan.tracking.to == "trackio" else ANY,
        "training.tf32": t.tf32 if plan.hardware.device == "cuda" else ANY,
        "training.bf16": t.precision == "bf16",
        "training.fp16": t.precision == "fp16",
    }
    if t.scheduler == "warmup_stable_decay":
        found |= {f"training.lr_scheduler_kwargs.{key}": value for key, value in expect_stable_decay(plan).items()}
    if t.evaluate_every != "never":
        found["training.per_device_eval_batch_size"] = t.evaluation_micro_batch_size
    if o.type not in ("sft", "pretrain"):
        found["training.disable_dropout"] = plan.method.dropout == 0 or not plan.method.adapter
    return found | _expect_rows(plan) | _expect_tokens(plan) | _expect_vllm(plan)


def _expect_rows(plan: Plan) -> Native:
    rows, t = f"{plan.output.dir}/rows", plan.training
    found: Native = {"script.dataset_train_split": "train"}
    if plan.data.validates:
        found |= {"script.dataset_name": rows, "script.dataset_test_split": "validation"}
    else:
        found |= {"script.dataset_name": None, "dataset.datasets.0.data_files": f"{rows}/train.jsonl"}
    if plan.objective.type in ("sft", "pretrain"):
        found["training.eval_packing"] = t.packing
        found["training.dataset_kwargs.skip_prepare_dataset"] = plan.chat.exact
    return found


def _expect_tokens(plan: Plan) -> Native:
    kind = plan.objective.type
    found: Native = {}
    if kind in ("sft", "pretrain", "reward"):
        found |= {"training.eos_token": plan.chat.eos}
        found["training.chat_template_path"] = locate_template(plan) if plan.objective.chat else None
    if kind in ("sft", "pretrain", "reward", "dpo"):
        found["training.pad_token"] = plan.chat.pad
    return found


def _expect_vllm(plan: Plan) -> Native:
    o = plan.objective
    if o.type != "grpo" or o.vllm == "none":
        return {}
    if o.vllm == "server":
        return {"training.vllm_server_host": o.vllm_host, "training.vllm_server_port": o.vllm_port}
    return {"training.vllm_gpu_memory_utilization": o.vllm_memory}
