"""`recipes merge` of adapters that FSDP and DeepSpeed saved in shards, by two processes on the CPU."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from .conftest import run_command

pytestmark = pytest.mark.full
PROGRAM = Path(__file__).with_name("sharded_checkpoint.py")
ROOT = str(Path(__file__).parents[2])
SHARDS = {
    "fsdp": "pytorch_model_fsdp_0/__*_0.distcp",
    "zero2": "global_step0/*_optim_states.pt",
    "zero3": "global_step0/*_optim_states.pt",
}


@pytest.fixture(scope="module")
def saved(interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base, the same adapter saved in shards in each way, and both merged by PEFT."""
    folder = tmp_path_factory.mktemp("sharded")
    run_command([interpreter("trl"), PROGRAM, folder], OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    return folder


@pytest.mark.parametrize("kind", SHARDS)
def test_an_adapter_in_shards_is_merged_as_peft_merges_it(
    kind: str, saved: Path, interpreter: Callable[[str], Path], tmp_path: Path
) -> None:
    checkpoint = saved / kind / "checkpoint-1"
    assert len(list(checkpoint.glob(SHARDS[kind]))) == 2 and not list(checkpoint.glob("*.safetensors"))
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "merge", saved / kind]
    environment = interpreter("trl").parent.parent
    command += ["-o", tmp_path / "merged", "--base", saved / "base", "--environment", environment]
    run_command(command, PYTHONPATH=ROOT, OMP_NUM_THREADS="1")
    base, merged, expected = (
        load_file(folder / "model.safetensors") for folder in (saved / "base", tmp_path / "merged", saved / "expected")
    )
    assert merged.keys() == expected.keys()
    changed = {name for name in expected if abs(expected[name] - base[name]).max() > 1e-3}
    assert {name.rpartition(".")[0].rpartition(".")[2] for name in changed} == {"q_proj", "down_proj", "lm_head"}
    assert max(abs(merged[name] - expected[name]).max() for name in expected) < 1e-6


class _Owner:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch owned",)


def _write_pickle(file: Path) -> None:
    """A pickle that would run code, in the form of `torch.save` where the file has it."""
    content = pickle.dumps(_Owner(), protocol=2)
    if file.suffix != ".pt":
        file.write_bytes(content)
        return
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in {"data.pkl": content, "version": b"3\n", "byteorder": b"little"}.items():
            archive.writestr(f"archive/{name}", data)


@pytest.mark.parametrize("kind", SHARDS)
def test_a_pickle_among_the_shards_runs_nothing(
    kind: str, saved: Path, interpreter: Callable[[str], Path], tmp_path: Path
) -> None:
    shutil.copytree(saved / kind, tmp_path / "run")
    name = "pytorch_model_fsdp_0/.metadata" if kind == "fsdp" else "global_step0/*rank_0*_optim_states.pt"
    for file in (tmp_path / "run" / "checkpoint-1").glob(name):
        _write_pickle(file)
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "merge", "run", "-o", "merged"]
    command += ["--base", str(saved / "base"), "--environment", str(interpreter("trl").parent.parent)]
    variables = {**os.environ, "PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert (done.returncode, "could run code; not loaded" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "owned").exists() and not (tmp_path / "merged").exists()
