"""Memory of each node's host: what loading takes for a while, and what offloading keeps there for the whole run."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.estimate.workload import STATE_BYTES, Workload

_MASTER_AND_GRADIENT_BYTES = 8.0
"""Bytes of a float32 master weight and its float32 gradient (DeepSpeed, `estimate_zero3_model_states_mem_needs`)."""


@dataclass(frozen=True)
class HostMemory:
    """Bytes on one node. `loading`: 16-bit weights in each of its processes, at the start; `held`: all the time."""

    loading: float
    held: float

    @property
    def peak(self) -> float:
        """The most of it at once."""
        return max(self.loading, self.held)


def estimate_host_memory(load: Workload, hardware: HardwarePlan) -> HostMemory:
    """Host memory of one node: offloaded states are spread over the nodes, paged ones are each process's own."""
    states = STATE_BYTES[load.state_kind]
    offloaded = load.trainable * (states + _MASTER_AND_GRADIENT_BYTES) if load.offload != "none" else 0.0
    weights = 2.0 * load.facts.parameters if load.offload == "all" else 0.0
    paged = load.trainable * states if load.paged else 0.0
    on_cpu = 2.0 * load.facts.parameters if hardware.device == "cpu" else 0.0
    loading = 2.0 * load.facts.parameters * hardware.gpus
    return HostMemory(loading, (offloaded + weights) / hardware.nodes + paged + on_cpu)
