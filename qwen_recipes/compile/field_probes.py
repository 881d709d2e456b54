"""For each field of a recipe a value that is not the default, and what has to stand beside it to mean something."""

from __future__ import annotations

from typing import Any

from qwen_recipes.backends.base import Backend
from qwen_recipes.qwen.chat_templates import get_template_path

MINIMAL_RECIPE: dict[str, Any] = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "rows.jsonl"}}
"""The shortest recipe."""


def deep_merge(base: object, changes: object) -> Any:
    """`base` with `changes` laid over it, map by map; a None takes the key away."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    both = {**base, **{key: deep_merge(base.get(key), value) for key, value in changes.items()}}
    return {key: value for key, value in both.items() if value is not None}


def nest_value(path: str, value: Any) -> dict[str, Any]:
    """`{"a": {"b": value}}` for `a.b`."""
    for step in reversed(path.split(".")):
        value = {step: value}
    whole: dict[str, Any] = value
    return whole


WITH_VALIDATION = nest_value("data.validation", 0.1)
FOUR_BITS = nest_value("quantization.bits", 4)
FULL = nest_value("method.type", "full")
DPO = nest_value("objective.type", "dpo")
KTO = nest_value("objective.type", "kto")
REWARDS = [{"path": "rewards.py", "function": "right"}, {"path": "rewards.py", "function": "short"}]
GRPO = nest_value("objective", {"type": "grpo", "rewards": REWARDS})
GALORE = deep_merge(FULL, nest_value("training.optimizer", "galore_adamw"))
MEGATRON = nest_value("hardware", {"gpus": 4, "strategy": "megatron"})
FROM_HUB = nest_value("data.train", [{"hub": "me/rows"}])
FIELD_PROBES: dict[str, tuple[Any, dict[str, Any]]] = {
    "model.id": ("Qwen/Qwen3-4B-Instruct-2507", {}),
    "model.revision": ("abc123", {}),
    "model.source": ("modelscope", {}),
    "data.train": (["a.jsonl", "b.jsonl"], {}),
    "data.train[].path": ("other.jsonl", {}),
    "data.train[].hub": ("me/rows", {}),
    "data.train[].subset": ("small", FROM_HUB),
    "data.train[].split": ("test", FROM_HUB),
    "data.train[].revision": ("abc", FROM_HUB),
    "data.train[].format": ("sharegpt", {}),
    "data.train[].columns": ({"messages": "talk"}, {}),
    "data.train[].limit": (100, {}),
    "data.train[].roles": ({"agent": "assistant"}, {}),
    "data.train[].prompt_style": ("alpaca", {}),
    "data.train[].encoding": ("latin-1", {}),
    "data.train[].weight": (0.5, {}),
    "data.validation": (0.2, {}),
    "data.streaming": (True, nest_value("training.steps", 50)),
    "chat.template": (str(get_template_path("hybrid")), {}),
    "chat.train_on": ("last-assistant", {}),
    "chat.turns": ("last", {}),
    "chat.thinking": ("train-empty", {}),
    "chat.encoding": ("exact", {}),
    "method.type": ("full", {}),
    "method.variant": ("dora", {}),
    "method.rank": (8, {}),
    "method.alpha": (8, {}),
    "method.dropout": (0.1, {}),
    "method.targets": (["q_proj"], {"allow": {"QR201": "on purpose"}}),
    "method.rslora": (True, nest_value("method.alpha", 32)),
    "method.layers": (4, {}),
    "method.lora_plus": (8.0, {}),
    "method.modules_to_save": (["embed_tokens", "lm_head"], {"allow": {"QR208": "on purpose"}}),
    "method.start_from": ("runs/first", {}),
    "method.start_from_revision": ("v1", nest_value("method.start_from", "me/adapter")),
    "objective.type": ("orpo", {}),
    "objective.loss": ("ipo", DPO),
    "objective.beta": (0.2, DPO),
    "objective.gamma": (0.5, deep_merge(nest_value("objective.type", "simpo"), nest_value("training.steps", 50))),
    "objective.label_smoothing": (0.2, DPO),
    "objective.sft_weight": (0.5, DPO),
    "objective.desirable_weight": (2.0, KTO),
    "objective.undesirable_weight": (2.0, KTO),
    "objective.kl_weight": (0.05, {}),
    "objective.reference": ("base", deep_merge(DPO, nest_value("method.start_from", "runs/first"))),
    "objective.rewards": (REWARDS[:1], GRPO),
    "objective.rewards[].path": ("other.py", GRPO),
    "objective.rewards[].function": ("other", GRPO),
    "objective.rewards[].weight": (0.5, GRPO),
    "objective.generations": (4, GRPO),
    "objective.max_completion_length": (64, GRPO),
    "objective.temperature": (0.7, GRPO),
    "objective.top_p": (0.9, GRPO),
    "objective.top_k": (20, GRPO),
    "objective.vllm": ("colocate", GRPO),
    "objective.vllm_memory": (0.4, deep_merge(GRPO, nest_value("objective.vllm", "colocate"))),
    "objective.vllm_server": ("node1:9000", deep_merge(GRPO, nest_value("objective.vllm", "server"))),
    "objective.epsilon": (0.1, GRPO),
    "quantization.bits": (4, {}),
    "quantization.type": ("fp4", FOUR_BITS),
    "quantization.double": (False, FOUR_BITS),
    "quantization.storage": ("bf16", FOUR_BITS),
    "quantization.experts": (True, deep_merge(FOUR_BITS, {"model": "Qwen/Qwen3-30B-A3B"})),
    "training.epochs": (7, {}),
    "training.steps": (50, {}),
    "training.sequence_length": (1024, nest_value("training.micro_batch_size", 2)),
    "training.overlong": ("truncate", {}),
    "training.packing": (True, nest_value("run.environment", "current")),
    "training.pack_length": (
        4096,
        {**nest_value("training.packing", True), **nest_value("run.environment", "current")},
    ),
    "training.batch_size.examples": (32, {}),
    "training.batch_size.packs": (
        32,
        {**nest_value("training.packing", True), **nest_value("run.environment", "current")},
    ),
    "training.micro_batch_size": (1, {}),
    "training.learning_rate": (3e-4, {}),
    "training.scheduler": ("linear", {}),
    "training.warmup_ratio": (0.2, {}),
    "training.warmup_steps": (9, {}),
    "training.decay_ratio": (0.2, nest_value("training.scheduler", "warmup_stable_decay")),
    "training.optimizer": ("adamw_8bit", {}),
    "training.low_rank.rank": (8, GALORE),
    "training.low_rank.update_interval": (50, GALORE),
    "training.low_rank.scale": (2.0, GALORE),
    "training.betas": ([0.9, 0.95], {}),
    "training.epsilon": (1e-6, {}),
    "training.weight_decay": (0.05, {}),
    "training.max_grad_norm": (0.5, {}),
    "training.min_learning_rate": (1e-6, nest_value("training.scheduler", "cosine_with_min_lr")),
    "training.min_learning_rate_ratio": (0.2, nest_value("training.scheduler", "cosine_with_min_lr")),
    "training.precision": ("fp32", {}),
    "training.weights_dtype": (
        "bfloat16",
        {"method": {"type": "full"}, "hardware": {"strategy": "single"}, "allow": {"QR423": "to see"}},
    ),
    "training.tf32": (False, {}),
    "training.fp8": (True, {}),
    "training.seed": (7, {}),
    "training.data_seed": (8, {}),
    "training.gradient_checkpointing": (False, {}),
    "training.attention": ("eager", {}),
    "training.kernels": ("none", {}),
    "training.compile": (True, {}),
    "training.neftune": (5.0, {}),
    "training.early_stopping": (2, deep_merge(WITH_VALIDATION, nest_value("training.evaluate_every", 10))),
    "training.evaluate_every": (10, WITH_VALIDATION),
    "training.evaluations_per_epoch": (4, WITH_VALIDATION),
    "training.save_every": (5, {}),
    "training.saves_per_epoch": (4, {}),
    "training.save_optimizer": (False, {}),
    "training.dataloader_workers": (4, {}),
    "training.keep_checkpoints": (5, {}),
    "training.log_every": (3, {}),
    "hardware.gpus": (2, {}),
    "hardware.strategy": ("ddp", nest_value("hardware.gpus", 2)),
    "hardware.device": ("cpu", {}),
    "hardware.nodes": (2, nest_value("hardware.gpus", 2)),
    "hardware.offload": ("optimizer", nest_value("hardware", {"gpus": 2, "strategy": "zero2"})),
    "hardware.tensor_parallel": (2, deep_merge(nest_value("hardware", {"gpus": 4, "strategy": "zero1"}), FULL)),
    "hardware.context_parallel": (2, nest_value("hardware", {"gpus": 4, "strategy": "ddp"})),
    "hardware.pipeline_parallel": (2, MEGATRON),
    "hardware.expert_parallel": (2, MEGATRON),
    "output.dir": ("elsewhere", {}),
    "output.hub.id": ("me/model", {}),
    "output.hub.private": (False, nest_value("output.hub", {"id": "me/model"})),
    "tracking.to": ("wandb", {}),
    "tracking.project": ("mine", nest_value("tracking.to", "wandb")),
    "tracking.run_name": ("first", nest_value("tracking.to", "wandb")),
    # read by `recipes` itself, and yet heard by the frameworks
    "name": ("other", {}),
    "hardware.gpu.name": ("rtx-3060", {}),
    "hardware.gpu.memory": (12.0, {}),
    "hardware.gpu.bf16": (False, nest_value("hardware.gpu.memory", 24.0)),
}


def add_required_values(backend: Backend, changes: dict[str, Any]) -> dict[str, Any]:
    """What is laid over the shortest recipe, with what a backend asks every recipe for; `changes` come first."""
    required: dict[str, Any] = {}
    for path, value in backend.required_values.items():
        if path == "training.save_every" and "saves_per_epoch" in changes.get("training", {}):
            continue
        required = deep_merge(required, nest_value(path, value))
    whole: dict[str, Any] = deep_merge(required, changes)
    return whole


def make_probe(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is laid over the shortest recipe without the field at `path`, and with it."""
    value, context = FIELD_PROBES[path]
    if path.startswith("data.train[]."):
        (source,) = context.get("data", {}).get(
            "train", [{} if path.endswith(("path", "hub")) else {"path": "rows.jsonl"}]
        )
        return context, {**context, "data": {"train": [{**source, path.rpartition(".")[2]: value}]}}
    if path.startswith("objective.rewards[]."):
        first, *others = context["objective"]["rewards"]
        changed = [{**first, path.rpartition(".")[2]: value}, *others]
        return context, deep_merge(context, nest_value("objective.rewards", changed))
    if path.startswith("model."):
        whole = {"id": "Qwen/Qwen3-4B", path.partition(".")[2]: value}
        return context, deep_merge(context, {"model": whole})
    return context, deep_merge(context, nest_value(path, value))
