"""What DoRA takes beside LoRA: outputs that its backward pass needs, and the norm of W + BA.

Its magnitudes are counted with the adapter's weights (`qwen/facts.py`, `count_lora_parameters`).
"""

from __future__ import annotations

from collections.abc import Mapping

from qwen_recipes.estimate.workload import Workload


def dora_activation_numbers(workload: Workload, constants: Mapping[str, float]) -> float:
    """Numbers kept for each token and each input of a layer's linear modules, beyond LoRA's."""
    return constants["dora_outputs"] if workload.dora else 0.0


def dora_workspace_bytes(workload: Workload, constants: Mapping[str, float], largest: int) -> float:
    """Bytes that are whole for a moment while the norm of the largest linear weight (`largest` numbers) is taken."""
    return constants["dora_weights"] * largest if workload.dora else 0.0
