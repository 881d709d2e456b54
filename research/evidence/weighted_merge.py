"""PEFT's weighted merge: `linear` is not the weighted sum of the updates, `cat` is; a DoRA loses its magnitude."""

from __future__ import annotations

import torch
from evidence_result import report_result
from peft import LoraConfig, PeftModel, get_peft_model

GUARDS = ("QR211",)
ENVIRONMENT = "axolotl"
WIDTH = 64


def build_adapted_layer(names: list[str], dora: bool = False) -> PeftModel:
    """A linear layer with random adapters on it."""
    torch.manual_seed(0)
    base = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH, bias=False))
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["0"], use_dora=dora)
    model = get_peft_model(base, config, adapter_name=names[0])
    for name in names[1:]:
        model.add_adapter(name, config)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if "lora_A" in key or "lora_B" in key:
                weight.normal_(0, 0.1)
            elif "magnitude" in key:
                weight.mul_(1 + 0.5 * torch.rand_like(weight))
    return model


def compute_adapter_update(model: PeftModel, name: str) -> torch.Tensor:
    """What the layer does with this adapter, beyond what it does without one."""
    model.set_adapter(name)
    rows = torch.eye(WIDTH)
    with torch.no_grad():
        with_it = model(rows)
        with model.disable_adapter():
            return with_it - model(rows)


def compute_relative_error(merged: torch.Tensor, exact: torch.Tensor) -> float:
    return round(float((merged - exact).norm() / exact.norm()), 4)


model = build_adapted_layer(["one", "two"])
exact = 0.7 * compute_adapter_update(model, "one") + 0.3 * compute_adapter_update(model, "two")
seen = {}
for kind in ("linear", "cat"):
    model.add_weighted_adapter(["one", "two"], [0.7, 0.3], kind, combination_type=kind)
    seen[kind] = compute_relative_error(compute_adapter_update(model, kind), exact)
dora = build_adapted_layer(["one"], dora=True)
alone = compute_adapter_update(dora, "one")
dora.add_weighted_adapter(["one"], [1.0], "same", combination_type="linear")
seen["DoRA at weight 1"] = compute_relative_error(compute_adapter_update(dora, "same"), alone)
report_result(
    {"linear is off": seen["linear"] > 0.1, "one DoRA at weight 1 is off": seen["DoRA at weight 1"] > 0.1},
    {"cat is exact": seen["cat"] < 1e-3},
    seen,
    ("torch", "peft"),
)
