"""What TRL's script alone would pass over ends before it trains."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from .conftest import ROOT

OFFLINE = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def test_an_unknown_key_ends_before_training(interpreter: Callable[[str], Path], tmp_path: Path) -> None:
    config = tmp_path / "train.yaml"
    config.write_text("model_name_or_path: x\noutput_dir: out\nuse_cpu: true\nlora_rnak: 8\n", "utf-8")
    plugin = ROOT / "qwen_recipes/backends/trl/trainer_plugin.py"
    command = [interpreter("trl"), plugin, "sft", "--config", config]
    done = subprocess.run(command, env={**os.environ, **OFFLINE}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "unknown keys: --lora_rnak 8" in done.stderr
