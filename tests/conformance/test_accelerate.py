"""Runs of several processes by `accelerate launch`, as accelerate's own parser and torch's launcher read them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import CompiledRecipe, compile_recipe, write_files
from qwen_recipes.recipe.load import load_recipe
from tests.conftest import deep_merge

from .mappings.launch_script import run_script

PROGRAM = Path(__file__).with_name("accelerate_program.py")
BASE: dict[str, Any] = {"model": "Qwen/Qwen3-4B", "hardware": {"gpu": "h100", "gpus": 2}, "training": {"epochs": 1}}
PAIRS = {"data": {"train": {"path": "rows.jsonl", "format": "preference"}}, "objective": "dpo"}
CASES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "copies": (("trl",), {"hardware": {"strategy": "ddp"}}),
    "copies, DPO": (("trl",), {**PAIRS, "hardware": {"strategy": "ddp"}}),
    "copies, fp32": (("trl",), {"hardware": {"strategy": "ddp"}, "training": {"precision": "fp32"}}),
    "copies on two hosts": (("trl",), {"hardware": {"strategy": "ddp", "nodes": 2, "gpus": 4}}),
    "ZeRO-2": (("trl",), {"hardware": {"strategy": "zero2"}}),
    "ZeRO-3 on two hosts": (
        ("trl",),
        {"method": "full", "hardware": {"strategy": "zero3", "nodes": 2, "gpus": 8, "offload": "all"}},
    ),
    "FSDP": (("trl", "llamafactory"), {"method": "full", "hardware": {"strategy": "fsdp"}}),
    "FSDP, offloaded": (("trl",), {"method": "full", "hardware": {"strategy": "fsdp", "offload": "all"}}),
    "FSDP, 4 bits": (
        ("trl", "llamafactory"),
        {"method": "qlora", "quantization": {"bits": 4, "storage": "bf16"}, "hardware": {"strategy": "fsdp"}},
    ),
    "FSDP on two hosts": (
        ("trl", "llamafactory"),
        {"method": "full", "hardware": {"strategy": "fsdp", "nodes": 2, "gpus": 8}},
    ),
    "FSDP, experts": (("trl",), {"model": "Qwen/Qwen3-30B-A3B", "hardware": {"strategy": "fsdp", "gpus": 8}}),
}


def expect_launch(made: CompiledRecipe) -> dict[str, Any]:
    """What accelerate has to start for a plan, on the second host of two."""
    plan = made.plan
    apart = plan.hardware.nodes > 1
    return {
        "mixed_precision": {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}[plan.training.precision],
        "processes": plan.hardware.gpus,
        "nodes": plan.hardware.nodes,
        "node": 1 if apart else 0,
        "address": "host0:29500" if apart else None,
        "sharding": {
            "fsdp_version": 2,
            "reshard_after_forward": True,
            "cpu_ram_efficient_loading": plan.quantization.bits == 16,
            "transformer_cls_names_to_wrap": [plan.model.layer_class],
            "offload": plan.hardware.offload == "all",
        }
        if plan.hardware.fsdp
        else None,
    }


@pytest.mark.parametrize("backend", ["trl", "llamafactory"])
def test_accelerate_starts_what_is_planned(
    backend: str, write_recipe: Callable[..., Path], interpreter: Callable[[str], Path], tmp_path: Path
) -> None:
    names = [name for name, (backends, _) in CASES.items() if backend in backends]
    made, words = {}, []
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        recipe = load_recipe(str(write_recipe(deep_merge(BASE, CASES[name][1]))))
        made[name] = compile_recipe(recipe, load_backend(backend), folder / "out")
        write_files(folder / "out", made[name].files)
        command, _, _ = run_script(folder / "out" / "run.sh", folder / "bin", None)[-1]
        assert command[:2] == ["accelerate", "launch"]
        words.append(command[2:])
    done = subprocess.run(
        [interpreter(backend), PROGRAM], input=json.dumps(words), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, seen, given in zip(names, json.loads(done.stdout.splitlines()[-1]), words, strict=True):
        script = seen.pop("script")
        address = seen["address"] if made[name].plan.hardware.nodes > 1 else None
        assert {**seen, "address": address} == expect_launch(made[name]), name
        assert script == given[-len(script) :] and "--more" in script, name
