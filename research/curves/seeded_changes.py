"""Settings of one framework's compiled file, each changed: a curve that does not notice shows nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BACKEND = "llamafactory"
TOLERANCE = 1e-3
"""Largest difference of a step's loss at which two curves are the same."""


@dataclass(frozen=True)
class SeededChange:
    """A curve's name, and a key of LLaMA-Factory's train.yaml with another value; None takes it out."""

    curve: str
    key: str
    value: Any
    steps: int = 12
    """Optimizer steps after which it has to be seen."""


CHANGES = (
    SeededChange("sft-adapter", "learning_rate", 0.0055),
    SeededChange("sft-adapter", "lr_scheduler_type", "linear"),
    SeededChange("sft-adapter", "warmup_steps", 5),
    SeededChange("sft-adapter", "max_steps", 40),
    SeededChange("sft-adapter", "optim", "adafactor"),
    SeededChange("sft-adapter", "adam_beta1", 0.8),
    SeededChange("sft-adapter", "adam_beta2", 0.95),
    SeededChange("sft-adapter", "adam_epsilon", 1e-3),
    SeededChange("sft-full", "weight_decay", 0.0, 30),
    SeededChange("sft-adapter", "max_grad_norm", 100.0),
    SeededChange("sft-adapter", "per_device_train_batch_size", 1),
    SeededChange("sft-adapter", "gradient_accumulation_steps", 2),
    SeededChange("sft-adapter", "adapter_name_or_path", None),
    SeededChange("sft-adapter", "neftune_noise_alpha", 5),
    SeededChange("sft-adapter", "loraplus_lr_ratio", 4.0),
    SeededChange("sft-adapter", "cutoff_len", 24),
    SeededChange("sft-adapter", "train_on_prompt", True),
    SeededChange("sft-adapter", "template", "qwen3"),
    SeededChange("sft-adapter", "disable_shuffling", False),
    SeededChange("sft-adapter", "neat_packing", True),
    SeededChange("dpo-adapter", "pref_beta", 0.2),
    SeededChange("dpo-adapter", "pref_ftx", 0.1),
    SeededChange("dpo-adapter", "dpo_label_smoothing", 0.1),
    SeededChange("dpo-adapter", "pref_loss", "simpo"),
    SeededChange("dpo-adapter", "ref_model_adapters", None),
)
IN_CI = ("adam_beta2", "warmup_steps", "pref_beta")
