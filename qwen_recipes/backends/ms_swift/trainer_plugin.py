"""ms-swift's plugin for preference training: `external_plugins` in train.yaml.

ms-swift 4.6 sets the dropout of adapters to 0 in DPO, KTO, ORPO, SimPO and reward models, whatever `lora_dropout` says.
Here the trained adapter keeps it, and the reference has none. Its early stopping counts saves; here, evaluations.
"""

from functools import wraps
from typing import Any

from swift.callbacks import callbacks_map
from swift.rlhf_trainers.rlhf_mixin import RLHFTrainerMixin
from transformers import EarlyStoppingCallback

REFERENCE = "ref_adapter"
"""ms-swift's name for the adapter of the reference model."""


def turn_off_dropout(model: Any, adapter: str) -> None:
    """Set the dropout of one adapter to 0."""
    for module in model.modules():
        dropouts = getattr(module, "lora_dropout", {})
        if adapter in dropouts:
            dropouts[adapter].p = 0.0


_prepare = RLHFTrainerMixin.__init__


@wraps(_prepare)
def keep_dropout(trainer: Any, model: Any = None, ref_model: Any = None, *args: Any, **options: Any) -> None:
    """Prepare a trainer without turning the adapter's dropout off."""
    options["args"].disable_dropout = False
    turn_off_dropout(model, REFERENCE)
    _prepare(trainer, model, ref_model, *args, **options)


class EvaluationEarlyStopping(EarlyStoppingCallback):  # type: ignore[misc,unused-ignore]
    """Early stopping whose patience is counted in evaluations."""

    def __init__(self, args: Any, trainer: Any) -> None:
        super().__init__(args.early_stop_interval)


RLHFTrainerMixin.__init__ = keep_dropout
callbacks_map["early_stop"] = EvaluationEarlyStopping
