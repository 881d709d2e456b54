"""What programs print, and logs as a whole: numbers that go wrong, runs that finished, advice that can be followed."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from qwen_recipes.cli import main
from qwen_recipes.compile.field_probes import MINIMAL_RECIPE, deep_merge, nest_value
from qwen_recipes.diagnose.causes import find_causes, load_causes
from qwen_recipes.diagnose.metric_signs import METRIC_SIGNS
from qwen_recipes.lsp.spec_lookup import find_field
from qwen_recipes.runs.log_tail import clean_lines

_CASES = yaml.safe_load(Path(__file__).with_name("programs.yaml").read_text("utf-8"))
_REPORTS = Path(__file__).with_name("cases.yaml")
_LOGS = [(case["cause"], log) for case in _CASES for log in [*case["lines"], *([case["log"]] if "log" in case else [])]]


@pytest.mark.parametrize(("cause", "log"), _LOGS)
def test_the_first_cause(cause, log):
    assert [one.cause.name for one in find_causes(clean_lines(log))][:1] == [cause]


def test_every_cause_has_a_case():
    told = {case["cause"] for case in _CASES + yaml.safe_load(_REPORTS.read_text("utf-8"))}
    assert {cause.name for cause in load_causes() if not cause.metrics} <= told


def test_checks_of_metrics_exist():
    assert {cause.metrics for cause in load_causes() if cause.metrics} == set(METRIC_SIGNS)


_STEPS = "\n".join(f"{{'loss': {1.5 - step / 50}, 'grad_norm': 0.5, 'learning_rate': 1e-4}}" for step in range(20))


def log_losses(*losses: float, **more: float) -> str:
    return "\n".join(str({"loss": loss, "grad_norm": 0.4, **more}) for loss in losses)


@pytest.mark.parametrize(
    ("log", "causes"),
    [
        (_STEPS, []),
        (log_losses(1.4, 1.2, 0.0, 0.0), ["loss-zero"]),
        (log_losses(1.4, 0.0, 1.1), []),
        (log_losses(0.0, 0.0, reward=0.4, reward_std=0.3), []),
        (log_losses(0.0, 0.0, reward=0.4, reward_std=0.0), ["rewards-without-differences"]),
        (log_losses(0.0, 0.1, reward=0.4, reward_std=0.2, **{"completions/clipped_ratio": 1.0}), ["answers-cut-off"]),
        (log_losses(*[0.6931] * 6), ["preferences-not-learned"]),
        (log_losses(0.6931, 0.6, 0.5, 0.4, 0.35), []),
        (log_losses(1.4, 1.3, 5.2, 7.9, 9.1), ["loss-diverged"]),
        (_STEPS + "\n{'eval_loss': nan, 'epoch': 1.0}", ["evaluation-loss-not-a-number"]),
        (_STEPS + "\ntorch.OutOfMemoryError: CUDA out of memory.", ["out-of-memory"]),
        ("{'loss': nan, 'grad_norm': nan}\nRuntimeError: NCCL communicator timed out", ["loss-not-a-number"]),
    ],
)
def test_logged_numbers(log, causes):
    assert [one.cause.name for one in find_causes(clean_lines(log))][: max(1, len(causes))] == causes


@pytest.mark.parametrize(
    "line",
    [
        "Setting OMP_NUM_THREADS environment variable for each process to be 1 in default",
        "[W ProcessGroupNCCL.cpp:1250] Warning: WARNING: process group has NOT been destroyed before we destruct it",
        "FutureWarning: `tokenizer` is deprecated and will be removed in version 5.0.0.",
        "`torch_dtype` is deprecated! Use `dtype` instead!",
        "The tokenizer has new PAD/BOS/EOS tokens that differ from the model config and generation config.",
        "Could not estimate the number of tokens of the input, floating-point operations will not be computed",
        "[INFO|configuration_utils.py:839] Model config Qwen3Config {",
        '{"type": "killed", "text": "the process that ran"}',
        "trainable params: 33,030,144 || all params: 4,055,498,240 || trainable%: 0.8145",
        "{'train_runtime': '12.1', 'train_samples_per_second': '2.1', 'train_loss': '1.2', 'epoch': '1'}",
        "[INFO] [logging.py:128:log_dist] [Rank 0] DeepSpeed Final Optimizer = DeepSpeedCPUAdam",
        "NCCL INFO NET/IB : No device found.",
        "wandb: Currently logged in as: me. Use `wandb login --relogin` to force relogin",
        "Unsloth: Will patch your computer to enable 2x faster free finetuning.",
        "Gradient accumulation steps mismatch: GradientAccumulationPlugin has 1, DeepSpeed config has 4.",
        "Casting fp32 inputs back to torch.bfloat16 for flash-attn compatibility.",
        "use_cache=True` is incompatible with gradient checkpointing. Setting `use_cache=False`.",
        "find_unused_parameters is left False",
    ],
)
def test_ordinary_lines_tell_nothing(line):
    assert find_causes([line]) == []


def why(*args: str, text: str | None = None):
    return CliRunner().invoke(main, ["why", *args], input=text)


def test_a_log_of_a_training_that_finished_is_no_failure(tmp_path):
    log = f"{_STEPS}\n{{'train_runtime': 12.1, 'train_loss': 1.2}}\n"
    done = why("-", text=log)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "recipes: the training finished; there is no known problem in the log\n"
    done = why("-", "--format", "json", text=log)
    assert done.exit_code == 0 and json.loads(done.stdout) == []


def test_an_error_after_the_end_is_one():
    log = "{'train_runtime': 12.1}\nTraceback (most recent call last):\n  File x\nOddError: cannot frobnicate\n"
    done = why("-", text=log)
    assert done.exit_code == 1 and "OddError: cannot frobnicate" in done.stderr
    assert "the last error in the log is shown above" in done.stderr


def test_without_an_error_the_answer_says_so():
    assert "no known cause and no error found" in why("-", text="loading\nall is well\n").stderr
    assert "the log is empty" in why("-", text="").stderr


def test_prefixes_of_ranks_and_progress_bars_are_passed_over_on_standard_input():
    log = "\r  3%|▎   | 3/100 [00:01<00:30, 3.2it/s]\r\x1b[31m[rank0]: RuntimeError: 'weight' must be 2-D\x1b[0m\n"
    assert why("-", text=log).stdout.startswith("weights-sharded-away: ")


_FIELD = re.compile(
    r"\b((?:training|hardware|method|quantization|chat|objective|data|run|output|tracking)(?:\.[a-z_]+(?:\[\])?)+)"
    r"(?:: (\[[^\]]*\]|[\w./-]+))?"
)
_SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "recipe.schema.json").read_text("utf-8"))


def list_named_fields() -> set[tuple[str, str]]:
    """The fields that fixes name, each with the value that they give it, or an empty text."""
    named = {found for cause in load_causes() for found in _FIELD.findall(cause.fix)}
    return {(path, value) for path, value in named if path != "run.sh"}


@pytest.mark.parametrize(("path", "value"), sorted(list_named_fields()))
def test_advice_names_fields_that_exist_and_values_that_they_take(path, value):
    assert find_field(tuple(path.replace("[]", "").split("."))) is not None
    if value:
        recipe = deep_merge(MINIMAL_RECIPE, nest_value(path, yaml.safe_load(value)))
        assert [one.message for one in Draft202012Validator(_SCHEMA).iter_errors(recipe)] == []


@pytest.mark.parametrize(
    "text", ["huggingface.co ", "Xid ", "Error in loading ", "wandb ", "{'loss': 1, ", "ZeRO-3 FSDP "]
)
def test_long_lines_take_no_longer_than_short_ones(text):
    line = (text * 4000)[:4000]
    began = time.monotonic()
    find_causes(clean_lines("\n".join([line] * 50)))
    assert time.monotonic() - began < 5


def test_source_lines_of_a_traceback_are_no_errors():
    frames = """Traceback (most recent call last):
  File "/opt/env/bitsandbytes/libbitsandbytes_cuda.so.py", line 3, in load
    raise ValueError(f"Template {name} does not exist.")
ValueError: Cannot handle batch sizes > 1 if no padding token is defined.
"""
    found = find_causes(clean_lines(frames))
    assert [(one.cause.name, one.line) for one in found] == [("no-padding-token", frames.splitlines()[-1])]


def test_a_run_that_finished_or_goes_on_is_no_failure(tmp_path, monkeypatch):
    (tmp_path / "run.log").write_text("loading\n")
    for state, message in (("finished", "the run finished"), ("running", "the run is still running")):
        record = SimpleNamespace(state=state)
        monkeypatch.setattr("qwen_recipes.diagnose.run_end.read_record", lambda folder, record=record: record)
        done = why(str(tmp_path))
        assert done.exit_code == 0 and message in done.stderr
    monkeypatch.setattr("qwen_recipes.diagnose.run_end.read_record", lambda folder: SimpleNamespace(state="failed"))
    assert why(str(tmp_path)).exit_code == 1
