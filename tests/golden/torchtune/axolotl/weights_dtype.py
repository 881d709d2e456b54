"""Axolotl's plugin for `training.weights_dtype`: `plugins` in train.yaml.

Axolotl loads all weights in the dtype of the computation and trains them so. Before training starts, and before any
optimizer, DDP or FSDP sees them, this casts the weights that are trained.
"""

from typing import Any

import torch
from axolotl.integrations.base import BasePlugin


class Float32Weights(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Trained weights in float32."""

    dtype = torch.float32

    def post_trainer_create(self, cfg: Any, trainer: Any) -> None:
        """Cast each trained weight in place; frozen ones stay."""
        for weight in trainer.model.parameters():
            if weight.requires_grad and weight.dtype != self.dtype:
                weight.data = weight.data.to(self.dtype)


class BFloat16Weights(Float32Weights):
    """Trained weights in bfloat16."""

    dtype = torch.bfloat16
