"""Memory of each node's host: what loading takes for a while, and what offloading keeps there for the whole run."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.estimate.memory import frozen_weight_bytes, weight_bytes
from qwen_recipes.estimate.workload import STATE_BYTES, Workload
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.sizes import GIB

_MASTER_AND_GRADIENT_BYTES = 8.0
"""Bytes of a float32 master weight and its float32 gradient (DeepSpeed, `estimate_zero3_model_states_mem_needs`)."""
PROCESS_BYTES = 1.15 * GIB
"""Python, PyTorch and CUDA in one process, before a weight is loaded (docs/research/memory-estimates.md)."""
FULL_BYTES = 0.6 * GIB
"""What a process takes beyond that where weights are trained themselves, and saved."""
MERGE_SHARD_BYTES = 2 * GIB
"""Bytes of a merged model's shard, which is in memory until it is written."""
_MERGE_PROCESS_BYTES = 0.4 * GIB
"""Python and PyTorch without CUDA."""
MERGEKIT_SHARD_PARAMETERS = 1_000_000_000
"""Parameters of a shard that mergekit writes; its own default is five times as many."""
_MERGEKIT_PROCESS_BYTES = 0.8 * GIB
"""Python, PyTorch and transformers without CUDA."""
_MERGEKIT_SCRATCH_BYTES = {"slerp": 3.0, "ties": 22.0, "dare_linear": 12.0, "dare_ties": 12.0}
"""Of each value of the largest weight, beside the weights themselves: to choose which are kept."""
_FLOAT32_COPIES = 4
"""Of a weight that is merged, at most: itself, its update, their sum, and that with DoRA's magnitudes."""


@dataclass(frozen=True)
class HostMemory:
    """Bytes on one node. `loading`: the model in each of its processes, at the start or while it is saved; `held`: all
    the time."""

    loading: float
    held: float

    @property
    def peak(self) -> float:
        """Bytes on one node at the peak."""
        return max(self.loading, self.held)


def estimate_host_memory(load: Workload, hardware: HardwarePlan) -> HostMemory:
    """Bytes of host memory on one node: offloaded states are spread over the nodes, paged ones belong to a process."""
    states = STATE_BYTES[load.state_kind]
    offloaded = load.trainable * (states + _MASTER_AND_GRADIENT_BYTES) if load.offload != "none" else 0.0
    weights = 2.0 * load.facts.parameters if load.offload == "all" else 0.0
    paged = load.trainable * states if load.paged else 0.0
    on_cpu = 2.0 * load.facts.parameters if hardware.device == "cpu" else 0.0
    loading = (PROCESS_BYTES + loaded_weight_bytes(load)) * hardware.gpus
    return HostMemory(loading, (offloaded + weights) / hardware.nodes + paged + on_cpu)


def loaded_weight_bytes(load: Workload) -> float:
    """Bytes that one process maps or reads of the model's file, and holds of it in the dtype that is trained."""
    trained = 0 if load.method == "lora" else load.trainable
    whole = trained * weight_bytes(load) + (load.facts.parameters - trained) * min(2.0, frozen_weight_bytes(load))
    return whole + (FULL_BYTES if trained else 0.0)


def estimate_merge_memory(
    facts: ModelFacts, adapter_bytes: int, *, embeddings: bool = False, combined: bool = False, dtype_bytes: float = 2.0
) -> float:
    """Bytes of host memory that a merge takes: a shard, the copies of the largest weight it changes, and the adapters.

    `adapter_bytes` is the size of their files, `embeddings` whether they have factors on embeddings or head, `combined`
    whether they are made one first, `dtype_bytes` the size of a merged weight. Measured by
    research/measurements/measure_merge_memory.py.
    """
    linear = max(inputs * outputs for inputs, outputs in facts.linear_shapes.values())
    table = facts.hidden_size * facts.vocab_size
    shard = min(max(MERGE_SHARD_BYTES * dtype_bytes / 2, table * dtype_bytes), facts.parameters * dtype_bytes)
    copies = 4.0 * _FLOAT32_COPIES * max(linear, table if embeddings else 0)
    return _MERGE_PROCESS_BYTES + shard + copies + adapter_bytes * (2 if combined else 1)


def estimate_model_merge_memory(facts: ModelFacts, method: str, count: int, *, dtype_bytes: float = 2.0) -> float:
    """Bytes of host memory that mergekit takes for `count` models, their base included: a shard and the largest weight.

    By what mergekit 0.1.5 holds at a time, as its code reads; measured by
    research/measurements/measure_mergekit_memory.py.
    """
    table = facts.hidden_size * facts.vocab_size
    shard = min(max(MERGEKIT_SHARD_PARAMETERS, table), facts.parameters) * dtype_bytes
    copies = table * (2 * count * dtype_bytes + _MERGEKIT_SCRATCH_BYTES.get(method, 0.0))
    return _MERGEKIT_PROCESS_BYTES + shard + copies
