"""What a run needs to know is computed once: the plan, the estimate, the GPUs here, the hashes of the data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.runs.stand_ins import checkpoint, framework, recipes_run

NVIDIA_SMI = """\
#!/bin/sh
echo asked >> "$0.calls"
echo "NVIDIA GeForce RTX 4090, 24564, 580.159.04, 1, GPU-0"
"""
COUNTED = {
    "resolve": "resolve/resolve.py",
    "run_guards": "guards/runner.py",
    "render_recipe": "compile/compiler.py",
    "load_recipe_text": "recipe/load.py",
    "estimate_plan": "estimate/estimate.py",
    "_hash_file": "runs/data_hashes.py",
    "detect_gpus": "environments/gpu.py",
}
COUNT = f"""\
import atexit, collections, json, sys
counted, calls = {COUNTED!r}, collections.Counter()
def count(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_filename.endswith(counted.get(code.co_name, "?")):
        calls[code.co_name] += 1
sys.setprofile(count)
atexit.register(lambda: open("calls.json", "w").write(json.dumps(calls)))
from qwen_recipes.cli import main
main()
"""


@pytest.fixture
def count_calls(place):
    """Run `recipes run` in the folder on a machine with one RTX 4090; its exit code and how often what was called."""
    tool = place / "tools" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(NVIDIA_SMI)
    tool.chmod(0o755)
    path = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": f"{tool.parent}:{os.environ['PATH']}"}

    def run(*arguments):
        command = [sys.executable, "-c", COUNT, "run", "toy.yaml", "-q", *arguments]
        done = subprocess.run(command, cwd=place, env={**os.environ, **path}, capture_output=True, text=True)
        return done.returncode, json.loads((place / "calls.json").read_text())

    return run


def test_a_dry_run_on_a_gpu(place, count_calls):
    code, calls = count_calls("--dry-run", "--set", "hardware.device=cuda")
    assert code == 0
    assert calls == {
        **{"load_recipe_text": 1, "resolve": 1, "run_guards": 1, "render_recipe": 1},
        **{"detect_gpus": 1, "estimate_plan": 1},
    }
    assert (place / "tools" / "nvidia-smi.calls").read_text() == "asked\n"


def test_a_resumed_run_reads_its_data_once(place, count_calls):
    framework(place, "save(steps=1, planned=3)\nsys.exit(1)")
    assert recipes_run(place)[0] == 5
    checkpoint(place / "runs/toy", 1)
    framework(place, "save()")
    code, calls = count_calls("--resume")
    assert code == 0
    assert calls == {
        **{"load_recipe_text": 1, "resolve": 1, "run_guards": 1, "render_recipe": 1},
        **{"detect_gpus": 1, "_hash_file": 1},
    }
