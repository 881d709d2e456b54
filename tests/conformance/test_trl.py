"""What our program around TRL's script does: unknown keys end before training, and several processes save."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.recipe.load import load_recipe

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


RECIPE = """\
version: 1
name: tiny
model: {model}
data: {{train: {data}}}
method: {{type: lora, rank: 4}}
training: {{steps: 2, batch_size: 2, micro_batch_size: 1, sequence_length: 256, save_every: 1}}
hardware: {{device: cpu}}
run: {{backend: trl}}
"""
"""Two processes halve what one accumulates; the config's own figures are those of one."""


def test_two_processes_save_with_one_card(
    interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    python, recipe = interpreter("trl"), tmp_path / "tiny.recipe.yaml"
    recipe.write_text(RECIPE.format(model=tiny_model("trl"), data=ROOT / "examples/data/support.jsonl"), "utf-8")
    folder = tmp_path / "compiled"
    write_files(folder, compile_recipe(load_recipe(str(recipe)), load_backend("trl"), folder).files)
    run = {"cwd": tmp_path, "env": {**os.environ, **OFFLINE}, "capture_output": True, "text": True}
    rows = subprocess.run([python, folder / "rows/__main__.py", folder / "rows.json"], **run)
    assert rows.returncode == 0, rows.stderr
    config = tmp_path / "runs/tiny/rows/train.yaml"
    plugin = [folder / "trainer_plugin.py", "sft", "--config", config]
    command = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *plugin]
    done = subprocess.run(command, **run)
    assert done.returncode == 0, done.stderr[-2000:]
    for saved in (tmp_path / "runs/tiny", tmp_path / "runs/tiny/checkpoint-1"):
        assert "Trained by `trl sft`" in (saved / "README.md").read_text("utf-8")
        assert (saved / "adapter_model.safetensors").is_file()
