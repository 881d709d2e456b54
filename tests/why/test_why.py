"""Reported errors, and what they come down to. How many of the held-out half are named is stated, not asserted away."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.diagnose.causes import find_causes, load_causes, match_cause
from qwen_recipes.guards import list_guard_codes

from .split import load_cases

SEEN, HELD = load_cases(False), load_cases(True)
MISSED = {"deepspeedai/DeepSpeed#7096", "modelscope/ms-swift#859"}
"""Held-out cases that the patterns miss, as they were when they were first tried: 31 of 33 are named."""


def test_there_are_enough():
    assert len(SEEN) + len(HELD) >= 60 and len(HELD) >= 30
    assert len({case["source"] for case in SEEN + HELD}) == len(SEEN + HELD)


@pytest.mark.parametrize("case", SEEN, ids=lambda case: case["source"])
def test_seen(case):
    found = match_cause(case["line"])
    assert found is not None and found.name == case["cause"]


def test_held_out():
    right = {case["source"] for case in HELD if (found := match_cause(case["line"])) and found.name == case["cause"]}
    assert {case["source"] for case in HELD} - right == MISSED


def test_causes_name_guards_that_exist():
    assert {cause.guard for cause in load_causes() if cause.guard} <= set(list_guard_codes())
    assert {case["cause"] for case in SEEN + HELD} <= {cause.name for cause in load_causes()}


@pytest.mark.parametrize(
    "line",
    [
        "{'loss': '1.25', 'grad_norm': '0.5', 'learning_rate': '1e-4', 'epoch': '0.1'}",
        "[INFO|trainer.py:1476] >>   Total optimization steps = 12",
        "Loading weights: 100%|##########| 31/31 [00:00<00:00]",
        "rows: 320 read, 319 train, 0 validation, 0 bad, 1 overlong",
        "finished in 12 s",
        "UserWarning: you may want to set gradient_checkpointing_kwargs",
        "You are sending unauthenticated requests to the HF Hub. Please set a HF_TOKEN to enable higher rate limits.",
        "node1:12:34 [0] NCCL INFO NCCL_SOCKET_IFNAME set by environment to eth0",
        "Warning: find_unused_parameters=True was specified in DDP constructor, but did not find any unused parameters",
        "The client socket has failed to connect to [localhost]:29500 (errno: 99 - Cannot assign requested address).",
        "W1201 torch/distributed/elastic/multiprocessing/api.py:900] Sending process 1234 closing signal SIGTERM",
        "Initializing a V1 LLM engine with config: model='Qwen/Qwen3-4B', trust_remote_code=True, dtype=torch.bfloat16",
    ],
)
def test_ordinary_lines_tell_nothing(line):
    assert match_cause(line) is None


def test_what_follows_from_the_reason_comes_after_it():
    lines = ["Watchdog caught collective operation timeout", "torch.OutOfMemoryError: CUDA out of memory."]
    assert [one.cause.name for one in find_causes(lines)] == ["out-of-memory", "collective-timeout"]


def test_command(tmp_path):
    (tmp_path / "run.log").write_text("loading\n[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB\n")
    done = CliRunner().invoke(main, ["why", str(tmp_path), "--format", "json"])
    assert done.exit_code == 0 and json.loads(done.stdout)[0]["cause"] == "out-of-memory"
    done = CliRunner().invoke(main, ["why", "-"], input="ValueError: Attempting to unscale FP16 gradients.\n")
    assert done.exit_code == 0 and "fp16-weights" in done.stdout and "recipes explain QR401" in done.stdout
    assert CliRunner().invoke(main, ["why", "-"], input="all is well\n").exit_code == 1
    assert CliRunner().invoke(main, ["why", str(tmp_path / "nowhere")]).exit_code == 2


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("trl sft: unknown keys: --lora_rnak 8", "unknown-key"),
        ('TypeError: can only concatenate list (not "str") to list', "mixed-row-shapes"),
        ("ValueError: … and patching is not supported for this template.", "template-without-generation"),
    ],
)
def test_what_trl_says(line, cause):
    """Seen in runs of TRL 1.16."""
    found = match_cause(line)
    assert found is not None and found.name == cause
