"""The estimate of one plan on one GPU model: memory in bytes per GPU, time in seconds.

The figures come from constants.json, which was fitted to measured runs (measured/); errors and intervals are on
docs/research/memory-estimates.md.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.rows.row import StepsSpec
from qwen_recipes.data.rows.steps import count_steps
from qwen_recipes.estimate.checkpoint_bytes import stored_checkpoint_bytes
from qwen_recipes.estimate.host_memory import estimate_host_memory
from qwen_recipes.estimate.memory import (
    SHARDS_GRADIENTS,
    MemoryBreakdown,
    estimate_memory,
    saved_state_bytes,
    saved_weight_bytes,
)
from qwen_recipes.estimate.padding import compute_padded_length
from qwen_recipes.estimate.speed import (
    estimate_compile_seconds,
    estimate_micro_batch_seconds,
    estimate_saving_seconds,
    estimate_start_seconds,
    estimate_tokens_per_second,
)
from qwen_recipes.estimate.trainer_traits import get_traits
from qwen_recipes.estimate.workload import Workload, build_workload
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.sizes import GIB

CUDA_CONTEXT_BYTES = 0.6 * GIB
"""What CUDA, its libraries and NCCL take beside the allocator (0.5 to 0.6 GiB on an H100: measured/results.jsonl)."""
REPORTED_MEMORY_SHARE = 0.985
"""Share of the memory on the box that a driver reports: 79.6 GiB of an H100's 80, 23.6 of an RTX 4090's 24."""
GPU_SCALING = 0.92
"""Speed that each further GPU adds, of one alone; sharded weights cost more (SHARDED_SPEED)."""
PACKED_BOUND = 1.25
"""At least this many times the estimated peak is kept free for packs: an H200 took up to 1.19 times (Axolotl, sdpa)."""
BLOCK_BYTES = 2.4
"""Bytes a logit of one more block of bf16 logits that an unfused loss may leave, with what lies beside it: runs of as
many tokens left 0.2 or 2.2 (measured/trainer_results.jsonl)."""
SHARDED_SPEED = 0.8
VARIED_SHARE = 0.8
"""Rows shorter than this share of the limit, in the mean, make micro-batches of many lengths."""
CACHE_BYTES_PER_TOKEN = 24
"""Disk a token takes in the frameworks' caches: ids, mask and labels of 8 bytes each."""
TOKENIZER_BYTES = 11.5e6
"""Tokenizer, template and configs beside what was trained."""


@dataclass(frozen=True)
class TrainingRows:
    """The rows of a recipe, counted or estimated from a sample: how many, and their tokens.

    `exact`: every row was counted, so that `count` and `longest` are not estimates.
    """

    count: int
    mean_tokens: float
    longest: int | None = None
    exact: bool = False
    lengths: tuple[int, ...] = ()
    """Tokens of the rows, or of a sample of them."""


@dataclass(frozen=True)
class DiskUsage:
    """Bytes on disk by what they are for."""

    model: float
    data: float
    checkpoints: float
    output: float

    @property
    def total(self) -> float:
        """Bytes of all of it at once."""
        return self.model + self.data + self.checkpoints + self.output


@dataclass(frozen=True)
class Estimate:
    """What a plan takes on a GPU model. Bytes for each GPU, seconds of the whole run."""

    gpu: GpuModel
    workload: Workload
    plan: Plan
    rows: TrainingRows | None

    @cached_property
    def parts(self) -> MemoryBreakdown:
        """Bytes at the peak on one GPU, by what holds them."""
        return estimate_memory(self.workload)

    @property
    def peak(self) -> float:
        """Bytes that the allocator of one GPU reserves at the peak."""
        return self.parts.peak

    @property
    def allocated(self) -> float:
        """Bytes that are in use at the peak; the allocator gives up the rest where memory is short."""
        return self.parts.peak - self.parts.reserve

    @property
    def low(self) -> float:
        """Bytes: lower end of the 90% interval of `peak`, from measured over estimated peaks (constants.json)."""
        return self.peak * self._interval[0]

    @property
    def high(self) -> float:
        """Bytes: upper end of the 90% interval of `peak`, from measured over estimated peaks (constants.json)."""
        return self.peak * self._interval[1]

    @property
    def safe_peak(self) -> float:
        """Bytes that `peak` stays below in 99 of 100 runs: what has to be there for a run to fit."""
        load, most = self.workload, _load_intervals()[f"bound_memory{self.chance}"][1]
        bound = self.peak * (max(most, PACKED_BOUND) if load.packed else most)
        another = BLOCK_BYTES * load.tokens * load.facts.vocab_size if self.chance == "_blocks" else 0.0
        return max(bound, self.peak + another)

    @property
    def chance(self) -> Literal["", "_blocks", "_shards", "_adapter_shards"]:
        """The suffix of the interval in constants.json that applies; empty where nearly all of the peak is in use.

        An unfused loss leaves one to three blocks of logits in the allocator, by chance; sharded weights leave others.
        """
        load = self.workload
        if load.shards > 1 and load.strategy in SHARDS_GRADIENTS:
            return "_shards" if load.method == "full" else "_adapter_shards"
        return "" if load.fused_loss or load.objective == "reward" else "_blocks"

    @property
    def _interval(self) -> tuple[float, float]:
        return _load_intervals()[f"interval_memory{self.chance}"]

    @property
    def usable(self) -> float:
        """Bytes of the GPU that the allocator can have."""
        return self.gpu.memory * GIB * REPORTED_MEMORY_SHARE - CUDA_CONTEXT_BYTES

    def check_fit(self, memory: float | None = None) -> Literal["yes", "close", "no"]:
        """Whether it fits the `memory` in bytes that is usable on each GPU (the GPU's where left out).

        `yes` where the 99% bound does; `no` where not even what is in use at the peak does.
        """
        room = self.usable if memory is None else memory
        return "yes" if self.safe_peak <= room else "close" if self.allocated <= room else "no"

    @cached_property
    def tokens_per_second(self) -> float:
        """Tokens all GPUs train on together in a second, padding counted."""
        return estimate_tokens_per_second(self.workload, self.gpu) * self._spread / self.workload.rows_per_example

    @property
    def trained_tokens_per_second(self) -> float:
        """Tokens of examples that all GPUs train on in a second, without padding where the lengths are known."""
        t = self.plan.training
        examples = t.examples_per_step if t.packing else t.batch_size
        if self.rows is None or not examples or self.workload.rows_per_example > 1:
            return self.tokens_per_second
        return min(self.rows.mean_tokens, t.sequence_length) * examples / self.step_seconds

    @property
    def _spread(self) -> float:
        """Speed of all GPUs together, of one alone."""
        h = self.plan.hardware
        share = SHARDED_SPEED if h.strategy in ("zero3", "fsdp", "fsdp1") else 1.0
        return 1 + (h.replicas - 1) * GPU_SCALING * share

    @cached_property
    def step_seconds(self) -> float:
        """Seconds of one optimizer step, in the mean: micro-batches as long as the longest row in each."""
        load, t = self.workload, self.plan.training
        tokens: float | None = None
        if self.rows is not None and not t.packing:
            rows = t.micro_batch_size * load.rows_per_example
            tokens = rows * compute_padded_length(self.rows.lengths, self.rows.mean_tokens, rows, load.sequence)
        each = estimate_micro_batch_seconds(load, self.gpu, tokens=tokens)
        return each * t.gradient_accumulation * self.plan.hardware.replicas / self._spread

    @property
    def steps(self) -> int | None:
        """Optimizer steps; None where the number of rows is not known."""
        t = self.plan.training
        if t.steps is not None:
            return t.steps
        if self.rows is None or t.epochs is None:
            return None
        rows = self.rows.count * (1 - (self.plan.data.validation_share or 0.0))
        if t.packing and t.examples_per_step:
            return max(1, math.ceil(rows * t.epochs / t.examples_per_step))
        if t.packing:
            packs = rows * min(self.rows.mean_tokens, t.sequence_length) / t.pack_length
            return max(1, math.ceil(packs * t.epochs / t.batch_size))
        return self._count_steps(round(rows), t.epochs)

    def _count_steps(self, rows: int, epochs: float) -> int:
        """As the row program counts; under GRPO a row is as many sequences as it has answers."""
        t, objective = self.plan.training, self.plan.objective
        spec: StepsSpec = {
            "epochs": epochs,
            "micro_batch_size": t.micro_batch_size,
            "replicas": self.plan.hardware.replicas,
            "gradient_accumulation": t.gradient_accumulation,
            "warmup_steps": 0,
            "decay_ratio": None,
        }
        return count_steps(spec, rows * (objective.generations if objective.type == "grpo" else 1))["total"]

    @property
    def training_seconds(self) -> float | None:
        """Seconds of all optimizer steps; None where the number of rows is not known."""
        return None if self.steps is None else self.steps * self.step_seconds + estimate_compile_seconds(self.workload)

    @property
    def seconds(self) -> float | None:
        """Seconds of the whole run, with imports, rows, loading and saving; None where rows or the GPU's rates are not
        known."""
        if self.training_seconds is None or self.steps is None or self.gpu.stated:
            return None
        t = self.plan.training
        saves = 1 + (self.steps // t.save_every if isinstance(t.save_every, int) else 0)
        saving = saves * estimate_saving_seconds(self.workload)
        return estimate_start_seconds(self.workload) + self.training_seconds + saving

    @property
    def seconds_interval(self) -> tuple[float, float] | None:
        """The 90% interval of `seconds`."""
        if self.seconds is None:
            return None
        low, high = _load_intervals()["interval_time"]
        return self.seconds / high, self.seconds / low

    @cached_property
    def disk(self) -> DiskUsage:
        """Download, caches, checkpoints (one more than are kept while the newest is written) and trained weights."""
        load, facts = self.workload, self.workload.facts
        weights = facts.stored_bytes or stored_checkpoint_bytes(facts) or 2.0 * facts.parameters
        states = saved_state_bytes(load)
        saved = saved_weight_bytes(load)
        kept = self.plan.training.keep_checkpoints + 1
        tokens = self.rows.count * self.rows.mean_tokens if self.rows else 0.0
        model = 0.0 if self.plan.model.local else weights
        bare = load.method == "lora" and get_traits(load.trainer).bare_adapters
        each = saved + (0.0 if bare else TOKENIZER_BYTES)
        return DiskUsage(model, tokens * CACHE_BYTES_PER_TOKEN, kept * (each + states), each)

    @property
    def host_memory(self) -> float:
        """Bytes of one node's host memory, at the most."""
        return estimate_host_memory(self.workload, self.plan.hardware).peak


def estimate_plan(plan: Plan, facts: ModelFacts, gpu: GpuModel, rows: TrainingRows | None = None) -> Estimate:
    """What this plan takes on this GPU model. `rows` gives the length of the run where it is counted in epochs."""
    longest = rows.longest if rows is not None and rows.exact else None
    load = build_workload(plan, facts, varies=has_varied_lengths(plan, rows), longest=longest)
    return Estimate(gpu, load, plan, rows)


def estimate_varied(estimate: Estimate) -> Estimate:
    """The same where micro-batches are of many lengths."""
    return replace(estimate, workload=replace(estimate.workload, varies=not estimate.workload.packed))


def has_varied_lengths(plan: Plan, rows: TrainingRows | None) -> bool:
    """Whether micro-batches are of many lengths: rows are far from the limit in the mean."""
    return rows is not None and rows.mean_tokens < VARIED_SHARE * plan.training.sequence_length


@cache
def _load_intervals() -> dict[str, tuple[float, float]]:
    """Measured over estimated, both ends: of memory, apart where blocks are left, and of seconds."""
    document = json.loads((Path(__file__).parent / "constants.json").read_text("utf-8"))
    return {name: (ends[0], ends[1]) for name, ends in document.items() if name.startswith(("interval", "bound"))}
