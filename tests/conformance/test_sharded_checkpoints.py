"""Adapters that FSDP and DeepSpeed saved in shards, by two processes on the CPU, read as a merge reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import run_command

pytestmark = pytest.mark.full
PROGRAM = Path(__file__).with_name("sharded_checkpoint.py")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", ["fsdp", "zero2", "zero3"])
def test_shards_are_gathered_from_a_checkpoint(kind: str, interpreter: Callable[[str], Path], tmp_path: Path) -> None:
    launch = [interpreter("trl"), "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, PROGRAM, ROOT / "qwen_recipes" / "export", tmp_path, kind]
    printed = run_command(command, OMP_NUM_THREADS="1").splitlines()
    found = json.loads(next(line for line in reversed(printed) if line.startswith("{")))
    assert not (tmp_path / "checkpoint-2/adapter_model.safetensors").exists()
    assert found["modules"] == ["model.layers.0.self_attn.q_proj"] and found["scale"] == 2.0
    assert found["whole"] == 0.0 < 0.001 < found["start"]
