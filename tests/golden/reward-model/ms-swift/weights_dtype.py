"""ms-swift's plugin for `training.weights_dtype`: `external_plugins` and `callbacks` in train.yaml.

ms-swift loads all weights in the dtype of the computation and trains them so. When its trainer is made, before any
optimizer, DDP or FSDP sees them, this casts the weights that are trained.
"""

from typing import Any

import torch
from transformers import TrainerCallback


class Float32Weights(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """Trained weights in float32."""

    dtype = torch.float32

    def __init__(self, *_: object) -> None:
        """ms-swift gives its arguments and its trainer; neither is needed."""

    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Cast each trained weight in place; frozen ones stay."""
        for weight in kwargs["model"].parameters():
            if weight.requires_grad and weight.dtype != self.dtype:
                weight.data = weight.data.to(self.dtype)


class BFloat16Weights(Float32Weights):
    """Trained weights in bfloat16."""

    dtype = torch.bfloat16


try:
    from swift.callbacks import callbacks_map
except ImportError:  # before 4.0
    from swift.plugin import extra_callbacks

    extra_callbacks.append(Float32Weights())
else:
    callbacks_map["float32_weights"] = Float32Weights
    callbacks_map["bfloat16_weights"] = BFloat16Weights
