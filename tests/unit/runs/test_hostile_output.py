"""What a framework prints and logs can't stop, hang or fool who follows it: rows of data reach its output."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time

import pytest

from qwen_recipes.runs import process
from qwen_recipes.runs.jsonl_tail import MAX_LINE_BYTES, JsonlTail
from qwen_recipes.runs.logged_numbers import find_printed_metrics, find_progress_bar, parse_number, parse_step
from qwen_recipes.runs.metrics import read_last_metrics, read_metrics
from qwen_recipes.runs.progress import ProgressReader
from qwen_recipes.runs.trainer_logs import read_losses

LINES = {
    "digits": b"1%|#| " + b"9" * 5000 + b"/" + b"9" * 5000 + b" [",
    "step over total": b"100%|#| 9999/3 [00:00<00:00]\n",
    "huge total": b"  0%|#| 1/999999999999999999999 [00:00<00:00]\n",
    "nan": b"{'loss': nan, 'learning_rate': nan}\n",
    "infinite": b"{'loss': '1e999', 'learning_rate': -inf}\n",
    "code": b"{'loss': __import__('os').system('id')}\n",
    "deep": b"{'loss': " + b"[" * 20_000 + b"}\n",
    "calls": b"{'loss': " + b"a(" * 20_000 + b"}\n",
    "a long sum": b"{'loss': " + b"1+" * 20_000 + b"1}\n",
    "many openings": b"{'loss': " * 20_000 + b"\n",
    "many quotes": b"{'loss': '" + b"'," * 20_000 + b"}\n",
    "long digits": b"{'loss': " + b"9" * 20_000 + b"}\n",
    "colours": b"\x1b[31m{'loss': \x1b[1m2.5\x1b[0m}\x1b[0m\n",
    "title": b"\x1b]0;owned\x07\x1b[2J\x1b[H\n",
    "nul": b"\0" * 5000 + b"\n",
    "no utf-8": bytes(range(128, 256)) * 50 + b"\n",
    "spaces": b" " * 70_000 + b"1%|\n",
    "bars": b"1%|" * 30_000 + b"\n",
    "percent": b"%" * 70_000 + b"\n",
    "rows": b"rows: \xff\xfe read, \x1b[2J\n",
    "returns": b"\r" * 70_000,
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("size", [1 << 16, 7])
def test_a_line_neither_stops_nor_fools_it(tmp_path, name, size):
    follower = ProgressReader(tmp_path, 1, get_planned_steps=lambda: 20)
    line = LINES[name] if size > 7 else LINES[name][:2000]
    for start in range(0, len(line), size):
        follower.feed(line[start : start + size])
    follower.tick()
    follower.feed(b"\n 25%|##  | 5/20 [00:10<00:20,  1.00s/it]\n{'loss': 1.5}\n")
    progress = follower.progress
    assert (progress.step, progress.planned, progress.last.loss) == (5, 20, 1.5)
    assert all(point.step <= 20 for point in read_metrics(tmp_path))


def test_bars_of_another_length_than_the_run_are_not_the_runs(tmp_path):
    follower = ProgressReader(tmp_path, 1, get_planned_steps=lambda: 20)
    for fake in (b"100%|#| 7/7 [00:00<00:00]\n", b"100%|#| 1000/1000 [00:00<00:00]\n"):
        follower.feed(fake)
        assert (follower.progress.step, follower.progress.planned) == (0, 20)


def test_the_time_is_linear_in_what_is_printed(tmp_path):
    """Twice as much output without a line's end costs about twice the time of the processor."""

    def spend(size):
        follower, chunk = ProgressReader(tmp_path, 1), b"{'loss': 1%|" * 5461
        began = time.process_time()
        for _ in range(size):
            follower.feed(chunk)
        return time.process_time() - began

    spend(2)
    small, large = min(spend(16) for _ in range(3)), min(spend(64) for _ in range(3))
    assert large < 4 * 2.5 * max(small, 0.01)


def test_random_bytes(tmp_path):
    draw, follower = random.Random(5), ProgressReader(tmp_path, 1)
    pieces = [b"{'loss': ", b"1%|", b"|", b" 3/4 [", b"}", b"\r", b"\n", b"'", b"nan", b"9" * 50, b"\xff", b"rows: "]
    for _ in range(3000):
        follower.feed(b"".join(draw.choices(pieces, k=20)))
    follower.tick()


ENTRIES = [
    b"{}", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"{" * 5000, b"[" * 100_000, b'{"loss": "x", "current_steps": 1}',
    b'{"loss": 1e999, "current_steps": 2}', b'{"loss": NaN, "current_steps": 3, "total_steps": 9}',
    b'{"loss": 1, "current_steps": ' + b"9" * 5000 + b"}", b'{"loss": ' + b"9" * 400 + b', "current_steps": 4}',
    b'{"loss": [], "current_steps": {}, "total_steps": []}', b'{"loss": true, "current_steps": true}',
    b'{"loss": 1, "current_steps": -5}', b'{"loss": 1, "global_step/max_steps": "' + b"1" * 9000 + b'/2"}',
    b'{"loss": 1, "global_step/max_steps": [1]}', '{"loss": 1, "global_step/max_steps": "٣/٩"}'.encode(),
    b'{"loss": 1, "current_steps": 1e3}', b'{"loss": "\\ud800", "current_steps": 5}',
]  # fmt: skip


@pytest.mark.parametrize("name", ["trainer_log.jsonl", "logging.jsonl"])
def test_lines_of_a_frameworks_log(tmp_path, name):
    follower = ProgressReader(tmp_path, 1, get_planned_steps=lambda: 20)
    (tmp_path / name).write_bytes(b"\n".join(ENTRIES) + b'\n{"loss": 1.5, "current_steps": 7, "total_steps": 20}\n')
    follower.tick()
    assert (follower.progress.step, follower.progress.planned, follower.progress.last.loss) == (7, 20, 1.5)
    assert follower.files[name].skipped == 8
    losses = read_losses(tmp_path, tmp_path / "run.log")
    assert losses.train[-1] == (7, 1.5) and losses.steps == 7


@pytest.mark.parametrize("state", [*ENTRIES, b'{"log_history": [1, {}, {"step": "x", "loss": {}}]}', b""])
def test_a_trainer_state_that_is_none(tmp_path, state):
    (tmp_path / "trainer_state.json").write_bytes(state)
    read_losses(tmp_path, tmp_path / "run.log")


@pytest.mark.parametrize("line", ENTRIES)
def test_a_curve_with_a_line_that_is_none(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1, "loss": 2.0}\n' + line + b'\n{"step": "x"}\n{"step": 2}\n')
    for read in (read_metrics, read_last_metrics):
        assert [point.step for point in read(tmp_path)][:1] == [1] or len(line) > 8192


def test_a_line_without_an_end_is_read_once(tmp_path):
    file, tail = tmp_path / "log.jsonl", JsonlTail(tmp_path / "log.jsonl")
    with file.open("wb") as made:
        for _ in range(20):
            made.write(b"x" * MAX_LINE_BYTES)
            made.flush()
            assert list(tail.read_new_entries()) == []
        made.write(b'\n{"a": 1}\n')
    assert list(tail.read_new_entries()) == [{"a": 1}]
    assert tail.skipped and tail.place == file.stat().st_size


def test_a_log_that_is_a_pipe_a_folder_or_a_device_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero", "."):
        assert list(JsonlTail(tmp_path / name).read_new_entries()) == []


def test_numbers():
    assert [parse_number(one) for one in ("1e-4", 3, "nan", True, None, [], 10**400, "9" * 500, "1_0")][:2] == [1e-4, 3]
    assert parse_number(10**400) is None and parse_number("9" * 500) is None and parse_number(True) is None
    assert [parse_step(one) for one in (0, 5, "7", -1, 10**9, True, 1.5, "٣", "1" * 50)] == [0, 5, 7, *[None] * 6]
    assert find_printed_metrics("{'loss': '2.5', 'learning_rate': 1e-4, 'epoch': 1}") == [
        {"loss": 2.5, "learning_rate": 1e-4}
    ]
    assert find_progress_bar(b" 50%|##  | 3/6 [00:01") == (3, 6) and find_progress_bar(b" 50%|##  | 7/6 [00:01") is None


class Watching:
    """Raises at what it is told."""

    def __init__(self, fails):
        self.fails, self.fed, self.ticks = fails, b"", 0

    def on_started(self, group):
        pass

    def feed(self, chunk):
        self.fed += chunk
        if self.fails:
            raise ValueError("a bug")

    def tick(self):
        self.ticks += 1


def run(tmp_path, monkeypatch, code, watcher):
    monkeypatch.setattr(process, "_TICK_SECONDS", 0.05)
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    try:
        return process.run_supervised(
            [sys.executable, "-c", code], dict(os.environ), tmp_path / "run.log", lock, tmp_path / "run.json", watcher
        )
    finally:
        os.close(lock)


def test_a_watcher_that_fails_ends_no_run(tmp_path, monkeypatch, capsys):
    code = "print('one', flush=True); import time; time.sleep(.3); print('two')"
    assert run(tmp_path, monkeypatch, code, Watching(True)).exit_code == 0
    assert (tmp_path / "run.log").read_text() == "one\ntwo\n"
    assert "the run continues" in capsys.readouterr().err


def test_a_framework_that_closes_its_output_is_still_followed(tmp_path, monkeypatch):
    watcher = Watching(False)
    code = "import os, time; os.close(1); os.close(2); time.sleep(.6); os._exit(3)"
    assert run(tmp_path, monkeypatch, code, watcher).exit_code == 3
    assert watcher.ticks >= 3


def test_a_gigabyte_a_minute_is_kept_up_with(tmp_path, monkeypatch):
    """64 MiB without a line's end, and binary: every byte is in the log, and memory stays small."""
    follower = ProgressReader(tmp_path, 1)
    code = "import os\nfor _ in range(1024): os.write(1, os.urandom(1 << 16).replace(b'\\n', b' '))"
    assert run(tmp_path, monkeypatch, code, follower).exit_code == 0
    assert (tmp_path / "run.log").stat().st_size == 64 << 20
    assert len(follower.rest) < 1 << 18


def test_the_command_ends_as_documented_whatever_is_in_the_log(tmp_path):
    (tmp_path / "run.log").write_bytes(b"".join(LINES.values()) + b"Traceback (most recent call last):\n" * 5000)
    (tmp_path / "run.json").write_text(json.dumps({"status": [], "name": {}}))
    for command in (["why"], ["report"], ["status"], ["logs"]):
        done = subprocess.run(
            [sys.executable, "-m", "qwen_recipes", *command, str(tmp_path)], capture_output=True, timeout=60
        )
        assert done.returncode in (0, 1, 2) and b"Traceback (most recent call last)" not in done.stderr, command
