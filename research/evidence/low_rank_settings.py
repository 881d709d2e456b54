"""transformers' Trainer gives GaLore the learning rate alone, and APOLLO Adam's settings for some of its weights.

The optimizers' packages are in no environment: empty classes of their names stand in, which is enough, since what is
looked at is what the Trainer would hand over. No guard: frameworks that build these optimizers so refuse the settings
as unsupported (`qwen_recipes/backends/low_rank_optimizers.py`).
"""

from __future__ import annotations

import importlib.machinery
import sys
import tempfile
import types
from typing import Any

import torch
from evidence_result import report_result
from transformers import Trainer, TrainingArguments
from transformers import trainer_optimizer as built

GUARDS = ()
ENVIRONMENT = "axolotl"
CLASSES = {
    "galore_torch": ("GaLoreAdamW", "GaLoreAdamW8bit", "GaLoreAdafactor"),
    "apollo_torch": ("APOLLOAdamW",),
}
ASKED = {"weight_decay": 0.1, "adam_beta1": 0.8, "adam_beta2": 0.9, "adam_epsilon": 1e-4, "learning_rate": 1e-3}
ADAM_SETTINGS = ("weight_decay", "betas", "eps")


def stand_in(name: str, classes: tuple[str, ...]) -> None:
    """A package that holds the optimizer's classes and nothing else."""
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    for one in classes:
        setattr(module, one, type(one, (torch.optim.AdamW,), {}))
    sys.modules[name] = module


def read_settings(optimizer: str) -> dict[str, Any]:
    """What the optimizer's class would be given: for all weights, and for each of its groups."""
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.LayerNorm(8))
    with tempfile.TemporaryDirectory() as folder:
        told = TrainingArguments(folder, optim=optimizer, optim_target_modules=["0"], use_cpu=True, **ASKED)
        _, settings = Trainer.get_optimizer_cls_and_kwargs(told, model)
    groups = settings.pop("params", None) or settings.pop("optimizer_dict", None) or []
    kept = [{key: value for key, value in group.items() if key != "params"} for group in groups]
    return {"all weights": settings, "groups": kept}


def find_given(settings: dict[str, Any]) -> list[set[str]]:
    """Adam's settings that each group of weights gets."""
    shared = set(settings["all weights"]) & set(ADAM_SETTINGS)
    return [shared | set(group) & set(ADAM_SETTINGS) for group in settings["groups"]] or [shared]


for name, classes in CLASSES.items():
    stand_in(name, classes)
built.is_galore_torch_available = built.is_apollo_torch_available = lambda: True
galore, apollo, adam = (read_settings(one) for one in ("galore_adamw", "apollo_adamw", "adamw_torch"))
report_result(
    {
        "GaLore gets no decay, betas or epsilon": not any(find_given(galore)),
        "APOLLO gets no decay": not any("weight_decay" in given for given in find_given(apollo)),
        "APOLLO gets betas and epsilon for projected weights only": find_given(apollo) == [set(), {"betas", "eps"}],
    },
    {
        "AdamW gets betas and epsilon": find_given(adam) == [{"betas", "eps"}],
        "both get the learning rate": galore["all weights"]["lr"] == apollo["all weights"]["lr"] == 1e-3,
    },
    {"asked": ASKED, "galore_adamw": galore, "apollo_adamw": apollo, "adamw_torch": adam},
    ("transformers",),
)
