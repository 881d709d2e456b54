"""The side of the probe that runs in a framework's interpreter, without a framework."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.base import TRAINER_ENTRY
from qwen_recipes.verify.trainer.child import explain_status, run_in_child
from qwen_recipes.verify.trainer.command import read_command
from qwen_recipes.verify.trainer.plain import to_plain
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def test_the_command_and_variables_of_run_sh_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("USE_V1", "1")
    script = "export ONE=two\nunset USE_V1\npython -m rows x\nexport PYTHONPATH=here\n"
    (tmp_path / "run.sh").write_text(f'{script}exec axolotl train "a b/train.yaml" --launcher python "$@"\n', "utf-8")
    found = read_command(tmp_path, programs=("axolotl",))
    assert found.words == ["axolotl", "train", "a b/train.yaml", "--launcher", "python"]
    assert found.variables == {"ONE": "two"}
    assert "USE_V1" in found.unset
    assert found.python_path == [str(tmp_path)]


def test_a_run_sh_that_fails_says_so(tmp_path):
    (tmp_path / "run.sh").write_text("echo no such host >&2; exit 3\n", "utf-8")
    with pytest.raises(RuntimeError, match="no such host"):
        read_command(tmp_path)


def raise_error():
    raise ValueError("a key that it does not know")


@pytest.mark.parametrize(
    ("act", "status", "why"),
    [
        (lambda: None, 0, "exited without training"),
        (raise_error, 1, "exited with status 1"),
        (lambda: sys.exit("stopped"), 1, "exited with status 1"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), -signal.SIGSEGV, "ended by SIGSEGV"),
        (lambda: time.sleep(60), -signal.SIGALRM, "training did not start within 1 seconds"),
    ],
)
def test_a_child_ends_with_its_reason(tmp_path, act, status, why):
    assert run_in_child(act, tmp_path / "log", 1) == status
    assert explain_status(status, 1) == why


def test_the_stack_of_a_crash_is_in_the_log_of_the_child(tmp_path, capfd):
    run_in_child(lambda: os.kill(os.getpid(), signal.SIGSEGV), tmp_path / "log", 5)
    assert "Segmentation fault" in (tmp_path / "log").read_text("utf-8")
    assert "Segmentation" not in capfd.readouterr().err


def test_what_a_child_prints_is_in_its_log(tmp_path):
    run_in_child(lambda: os.write(2, b"a warning") and None, tmp_path / "log", 5)
    assert (tmp_path / "log").read_text("utf-8") == "a warning"


def test_what_a_child_has_started_ends_with_it(tmp_path):
    def act():
        (tmp_path / "pid").write_text(str(subprocess.Popen(["sleep", "600"]).pid), "utf-8")

    assert run_in_child(act, tmp_path / "log", 20) == 0
    pid = int((tmp_path / "pid").read_text("utf-8"))
    end = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(pid)


def is_alive(pid):
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(found) and not found.startswith("Z")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (float("inf"), "inf"),
        ((1, 2.5, None), [1, 2.5, None]),
        ({"b", "a"}, ["a", "b"]),
        ({1: {"x": json.dumps}}, {"1": {"x": "json.dumps"}}),
        (object(), "builtins.object"),
    ],
)
def test_every_value_becomes_json(value, plain):
    assert to_plain(value) == plain
    json.dumps(to_plain(value))


def test_a_worker_without_its_framework_says_so(tmp_path):
    entry = load_backend("axolotl").folder / TRAINER_ENTRY
    command = [sys.executable, "-m", "trainer.worker", str(entry), str(tmp_path / "case.json")]
    done = subprocess.run(command, cwd=ROOT / "qwen_recipes" / "verify", capture_output=True, text=True)
    assert done.returncode == 1
    assert "No module named 'axolotl'" in done.stderr


class GKDTrainer:
    """As ms-swift's: it encodes a batch of examples within the step."""

    def _prepare_inputs(self, batch):
        return {"model_inputs": {"input_ids": [[len(example["messages"])] for example in batch]}}


class GRPOTrainer(GKDTrainer):
    """Its step samples answers first."""


EXAMPLES = [{"messages": ["a", "b"]}]


@pytest.mark.parametrize(
    ("trainer", "batch", "encoded"),
    [
        (GKDTrainer(), EXAMPLES, {"input_ids": [[2]]}),
        (GKDTrainer(), {"input_ids": [[1]]}, {"input_ids": [[1]]}),
        (GRPOTrainer(), EXAMPLES, EXAMPLES),
    ],
)
def test_batches_of_an_anchored_model_are_encoded_as_its_step_does(trainer, batch, encoded):
    from qwen_recipes.backends.ms_swift.trainer_entry import encode_batch

    assert encode_batch(trainer, batch) == encoded
