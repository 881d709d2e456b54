"""The guards' evidence, seen again in the frameworks' own environments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT

NAMES = {
    "axolotl": (
        "reentrant_checkpointing", "dropped_keys", "nf4_and_fp4", "weighted_merge", "axolotl_qwen3_template",
        "pad_equals_eos", "trainable_parameters", "lora_scaling",
    ),
    "llamafactory": ("default_system_prompt",),
    "ms-swift": ("ms_swift_null_value",),
}  # fmt: skip
CASES = [pytest.param(backend, name, id=name) for backend, names in NAMES.items() for name in names]


@pytest.mark.full
@pytest.mark.parametrize(("backend", "name"), CASES)
def test_it_is_seen_again(interpreter: Callable[[str], Path], backend: str, name: str) -> None:
    """A minute of imports each on a busy machine, which is why CI leaves them to `make conformance-full`."""
    interpreter(backend)  # skips where the environment is not built
    done = subprocess.run(
        [sys.executable, ROOT / "research/evidence/run_evidence.py", name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
