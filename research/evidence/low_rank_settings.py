"""Which of Adam's settings transformers' Trainer gives GaLore and APOLLO, beside what was asked for.

    PYTHON research/evidence/low_rank_settings.py > research/evidence/results/low_rank_settings.json

PYTHON: of a framework's environment. The optimizers' packages are in none of them: empty classes of their names stand
in, which is enough, since what is looked at is what the Trainer would hand over.
"""

from __future__ import annotations

import importlib.machinery
import json
import sys
import tempfile
import types
from collections.abc import Callable
from typing import Any

CLASSES = {
    "galore_torch": ("GaLoreAdamW", "GaLoreAdamW8bit", "GaLoreAdafactor"),
    "apollo_torch": ("APOLLOAdamW",),
}
ASKED = {"weight_decay": 0.1, "adam_beta1": 0.8, "adam_beta2": 0.9, "adam_epsilon": 1e-4, "learning_rate": 1e-3}


def stand_in(name: str, classes: tuple[str, ...]) -> None:
    """A package that holds the optimizer's classes and nothing else."""
    import torch

    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    for one in classes:
        setattr(module, one, type(one, (torch.optim.AdamW,), {}))
    sys.modules[name] = module


def describe(optimizer: str) -> dict[str, Any]:
    """The settings of all weights, and of each group."""
    import torch
    from transformers import Trainer, TrainingArguments
    from transformers import trainer_optimizer as built

    for name in ("is_galore_torch_available", "is_apollo_torch_available"):
        available: Callable[[], bool] = lambda: True  # noqa: E731
        setattr(built, name, available)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.LayerNorm(8))
    with tempfile.TemporaryDirectory() as folder:
        told = TrainingArguments(folder, optim=optimizer, optim_target_modules=["0"], use_cpu=True, **ASKED)
        _, settings = Trainer.get_optimizer_cls_and_kwargs(told, model)
    groups = settings.pop("params", None) or settings.pop("optimizer_dict", None)
    shown = [{key: value for key, value in group.items() if key != "params"} for group in groups or []]
    return {"all weights": settings, "groups": shown}


def main() -> None:
    import transformers

    for name, classes in CLASSES.items():
        stand_in(name, classes)
    seen = {optimizer: describe(optimizer) for optimizer in ("galore_adamw", "apollo_adamw")}
    print(json.dumps({"transformers": transformers.__version__, "asked": ASKED, **seen}, indent=2, default=str))


if __name__ == "__main__":
    main()
