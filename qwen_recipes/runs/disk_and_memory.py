"""Whether there is room for a run: the least it takes on disk and in the host's memory, against what is free."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate.host_memory import estimate_host_memory
from qwen_recipes.estimate.workload import build_workload
from qwen_recipes.filesystem.existing_folder import find_existing_folder
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.models import count_lora_parameters
from qwen_recipes.runs.host_memory import read_available_memory
from qwen_recipes.sizes import format_bytes

_WEIGHT_BYTES, _OPTIMIZER_BYTES = 2, 2
"""Bytes for each trained parameter in a checkpoint: bf16 weights, and an 8-bit optimizer's states, at the least."""
_LOG_BYTES = 64 << 20
"""Bytes that logs, rows and the record want."""


def estimate_checkpoint_size(plan: Plan, facts: ModelFacts) -> int:
    """The least that one checkpoint takes on disk, in bytes."""
    trained = (
        count_lora_parameters(facts, plan.method.rank, plan.method.targets) if plan.method.adapter else facts.parameters
    )
    return trained * (_WEIGHT_BYTES + _OPTIMIZER_BYTES)


def find_shortages(plan: Plan, facts: ModelFacts, output: Path) -> Iterator[str]:
    """What there is too little of, with both numbers: disk under the output folder, memory of the host."""
    kept = len(list(output.glob("checkpoint-*"))) if output.is_dir() else 0
    wanted = _LOG_BYTES + estimate_checkpoint_size(plan, facts) * max(1, plan.training.keep_checkpoints + 1 - kept)
    free = shutil.disk_usage(find_existing_folder(output)).free
    if free < wanted:
        yield (
            f"output.dir {output}: checkpoints need at least {format_bytes(wanted)}, {format_bytes(free)} are free; "
            "free disk space, lower training.keep_checkpoints, or use another disk"
        )
    needed = estimate_host_memory(build_workload(plan, facts), plan.hardware).held
    memory = read_available_memory()
    if memory is not None and memory < needed:
        yield (
            f"the run needs {format_bytes(needed)} of host memory, {format_bytes(memory)} are available; "
            "use a smaller model, `method: lora`, or less `hardware.offload`"
        )
