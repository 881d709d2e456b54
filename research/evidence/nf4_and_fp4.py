"""What 4 bits cost: nf4 is nearer to normal weights than fp4, and double quantization saves 0.4 bits a weight."""

from __future__ import annotations

import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from evidence_result import report_result

GUARDS = ("QR206",)
ENVIRONMENT = "axolotl"
torch.manual_seed(0)
weights = torch.randn(1024, 1024) * 0.02


def measure_quantization_error(kind: str) -> float:
    packed, state = quantize_4bit(weights, quant_type=kind, blocksize=64)
    return float((dequantize_4bit(packed, state) - weights).norm() / weights.norm())


def measure_bits_per_weight(double: bool) -> float:
    packed, state = quantize_4bit(weights, quant_type="nf4", blocksize=64, compress_statistics=double)
    held = [packed, state.absmax] + ([state.state2.absmax, state.state2.code] if double else [])
    return round(sum(t.numel() * t.element_size() for t in held) * 8 / weights.numel(), 3)


seen = {
    "fp4": measure_quantization_error("fp4"),
    "nf4": measure_quantization_error("nf4"),
    "bits": measure_bits_per_weight(False),
    "bits, double": measure_bits_per_weight(True),
}
report_result(
    {
        "fp4 is off by more": seen["fp4"] > 1.1 * seen["nf4"],
        "single takes more": seen["bits"] - seen["bits, double"] > 0.3,
    },
    {"nf4 is within a tenth": seen["nf4"] < 0.11},
    seen,
    ("torch", "bitsandbytes"),
)
