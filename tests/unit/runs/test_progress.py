"""Progress from each framework's own output, and how it is shown."""

import io
import json
import re

import pytest

from qwen_recipes.runs import progress as follow
from qwen_recipes.runs.metrics import StepMetrics, append_metrics, draw_sparkline, read_last_metrics, read_metrics
from qwen_recipes.runs.progress import ProgressReader, RunProgress
from qwen_recipes.runs.progress_bar import ProgressDisplay, format_duration, format_progress_line
from qwen_recipes.sizes import format_bytes


def bar(step, total, name=""):
    return f"\r{name}{100 * step // total:3d}%|####      | {step}/{total} [00:10<00:20,  1.00s/it]".encode()


def test_axolotl_prints(tmp_path):
    follower = ProgressReader(tmp_path, log_every=5)
    follower.feed(b"rows: 9 read, 8 train\n")
    assert follower.progress.stage == "loading"
    follower.feed(bar(40, 80, "Tokenizing Prompts: ") + b"\n")
    assert follower.progress.planned is None
    follower.feed(bar(0, 20) + bar(5, 20) + b"\n{'loss': '2.5', 'learning_rate': '1e-4', 'epoch'")
    assert follower.progress.last is None
    follower.feed(b": '0.1'}\n" + bar(3, 7) + b"\r")
    assert follower.progress.stage == "evaluating"
    follower.feed(b"{'eval_loss': '2.25', 'epoch': '0.1'}\n" + bar(10, 20) + b"\n{'loss': '2.0', 'epoch': '0.2'}\n")
    progress = follower.progress
    assert (progress.stage, progress.step, progress.planned, progress.eval_loss) == ("training", 10, 20, 2.25)
    assert [(p.step, p.loss, p.eval_loss) for p in read_metrics(tmp_path)] == [(5, 2.5, 2.25), (10, 2.0, None)]


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("trainer_log.jsonl", {"current_steps": 4, "total_steps": 9, "loss": 1.5, "lr": 1e-4}),
        ("logging.jsonl", {"global_step/max_steps": "4/9", "loss": 1.5, "learning_rate": 1e-4}),
    ],
)
def test_files(tmp_path, name, entry):
    (tmp_path / name).write_text('{"loss": 9.0, "current_steps": 1}\n')
    follower = ProgressReader(tmp_path, log_every=1)
    with (tmp_path / name).open("a") as file:
        file.write(json.dumps(entry) + '\n{"loss": 1')
    follower.tick()
    follower.feed(b"{'loss': '1.5', 'epoch': '1'}\n")
    assert [(p.step, p.planned, p.loss, p.learning_rate) for p in read_metrics(tmp_path)] == [(4, 9, 1.5, 1e-4)]


def test_file_that_was_begun_anew(tmp_path):
    path = tmp_path / "trainer_log.jsonl"
    path.write_text('{"current_steps": 1, "total_steps": 9, "loss": 3.0}\n' * 5)
    follower = ProgressReader(tmp_path, log_every=1, start_step=4)
    path.write_text('{"current_steps": 5, "total_steps": 9, "loss": 1.5}\n')
    follower.tick()
    assert follower.progress.step == 5 and follower.progress.last.loss == 1.5


def test_resumed_steps_count_from_the_checkpoint(tmp_path):
    follower = ProgressReader(tmp_path, log_every=2, start_step=4)
    follower.feed(b"{'loss': '1.5'}\n")
    assert read_metrics(tmp_path)[0].step == 6


def test_speed_memory_and_tokens(tmp_path, monkeypatch):
    clock = iter(range(0, 10000, 2))
    monkeypatch.setattr(follow.time, "monotonic", lambda: next(clock))
    follower = ProgressReader(tmp_path, 1, measure_memory=lambda: 5 << 30, get_tokens_per_step=lambda: 100.0)
    for step in range(4):
        follower.feed(bar(step, 10) + b"\n")
    follower.measured_at = -100
    follower.tick()
    progress = follower.progress
    assert progress.seconds_per_step == 2 and progress.tokens_per_second == 50 and progress.seconds_left == 14
    assert progress.memory == progress.peak_memory == 5 << 30


def test_the_later_of_two_points_counts_and_half_a_line_is_none(tmp_path):
    for point in (
        StepMetrics(1, loss=3.0),
        StepMetrics(2, loss=2.0),
        StepMetrics(2, loss=2.5),
        StepMetrics(2, eval_loss=2.25),
    ):
        append_metrics(tmp_path, point)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')
    assert [(p.step, p.loss, p.eval_loss) for p in read_metrics(tmp_path)] == [(1, 3.0, None), (2, 2.5, 2.25)]
    assert read_last_metrics(tmp_path) == read_metrics(tmp_path)


def test_lines():
    progress = RunProgress("training", 120, 400, StepMetrics(120, loss=1.5, learning_rate=1e-4), [3, 2, 1.5], 1.6)
    progress.seconds_per_step, progress.tokens_per_second, progress.memory = 2.0, 1234.0, 19 << 30
    assert format_progress_line(progress) == (
        "training  120/400  loss 1.5 █▃▁  eval 1.6  lr 1.00e-04  1,234 tokens/s  19.0 GiB  9 min 20 s left"
    )
    assert format_progress_line(RunProgress()) == "starting"
    assert [format_duration(n) for n in (5, 65, 3700, 90000, float("inf"))] == [
        "5 s",
        "1 min 05 s",
        "1 h 01 min",
        "1 d 01 h",
        "?",
    ]
    assert [format_bytes(n) for n in (12, 2048, 3 << 20, 5 << 39)] == ["12 B", "2 KiB", "3 MiB", "2560.0 GiB"]
    assert (
        draw_sparkline([1.0]) == "" and draw_sparkline([1, 1]) == "▁▁" and draw_sparkline([float("nan"), 2, 1]) == "█▁"
    )
    assert len(draw_sparkline(list(range(1000)))) == 16


def test_plain_lines_come_now_and_then():
    now = [0.0]
    stream = io.StringIO()
    display = ProgressDisplay(stream, clock=lambda: now[0])
    for second, stage, step in ((0, "rows", 0), (1, "training", 1), (2, "training", 2), (12, "training", 3)):
        now[0] = second
        display.show(RunProgress(stage, step, 9))
    display.end()
    assert stream.getvalue() == "rows  0/9\ntraining  1/9\ntraining  3/9\n"


def test_a_terminal_gets_one_line_that_is_redrawn(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    stream = io.StringIO()
    stream.isatty = lambda: True
    display = ProgressDisplay(stream)
    for step in (1, 2):
        display.show(RunProgress("training", step, 9))
    display.end()
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "\n" not in shown.rstrip() and "\x1b[2K" in stream.getvalue()
    assert re.search(r"training +[━╸╺]+ +1/9.*\r.*training +[━╸╺]+ +2/9", shown), shown
