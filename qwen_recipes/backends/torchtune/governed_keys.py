"""torchtune's sections, which fields of the recipe fill: `extra` may say nothing else there."""

from __future__ import annotations

KEYS_BY_FIELD: dict[str, tuple[str, ...]] = {
    "model.id": ("model", "tokenizer", "checkpointer"),
    "data.train": ("dataset", "shuffle"),
    "training.epochs": ("epochs", "max_steps_per_epoch"),
    "training.learning_rate": ("optimizer", "optimizer_in_bwd"),
    "training.scheduler": ("lr_scheduler", "warmup_steps"),
    "training.weights_dtype": ("dtype",),
    "training.compile": ("compile",),
    "objective.type": ("loss",),
    "tracking.to": ("metric_logger",),
}
"""Native keys by the field of the recipe to use in their place."""
