"""PEFT multiplies an update by alpha/rank, or alpha/√rank with rsLoRA: the same alpha means other steps at rank 64."""

from __future__ import annotations

import torch
from evidence_result import report_result
from peft import LoraConfig, get_peft_model

GUARDS = ("QR203", "QR207")
ENVIRONMENT = "axolotl"


def read_adapter_scaling(rank: int, rslora: bool) -> float:
    base = torch.nn.Sequential(torch.nn.Linear(128, 128))
    config = LoraConfig(r=rank, lora_alpha=32, target_modules=["0"], use_rslora=rslora)
    return float(get_peft_model(base, config).base_model.model[0].scaling["default"])


seen = {f"rank {rank}, rslora {on}": read_adapter_scaling(rank, on) for rank in (16, 64, 256) for on in (False, True)}
report_result(
    {
        "at rank 256 plain LoRA scales 16 times less than at 16": seen["rank 16, rslora False"]
        == 16 * seen["rank 256, rslora False"]
    },
    {"with rsLoRA 4 times": seen["rank 16, rslora True"] == 4 * seen["rank 256, rslora True"]},
    seen,
    ("torch", "peft"),
)
