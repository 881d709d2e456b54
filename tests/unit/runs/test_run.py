"""`recipes run` with stand-ins for the environment and the framework: launching, signals, exit codes, the record.

What the frameworks themselves do is tested in tests/conformance/test_training.py.
"""

import json
import os
import signal
import time

import pytest

from qwen_recipes.runs.log_tail import read_error_lines
from qwen_recipes.runs.record import read_record, write_record
from qwen_recipes.runs.trainer_logs import read_losses
from tests.unit.runs.stand_ins import (
    FAILS,
    RECIPE,
    SAVES_AND_EXITS_0,
    STUBBORN,
    alive,
    ended,
    framework,
    ready,
    recipes_run,
    record,
    started,
)


def test_finished(place):
    code, _, err = recipes_run(place)
    assert code == 0, err
    assert "loss 2.5 to 1.5 over 3 steps" in err and "runs/toy/adapter_model.safetensors" in err
    made = record(place)
    assert made["status"] == "finished" and made["exit_code"] == 0 and made["signal"] is None
    assert (made["steps"], made["first_loss"], made["last_loss"], made["last_eval_loss"]) == (3, 2.5, 1.5, 1.25)
    assert made["environment"]["packages"] == {"torch": "2.13.0", "llamafactory": "0.9.5"}
    assert made["recipe"]["text"] == RECIPE and made["command"][-1].endswith("compiled/toy/llamafactory/run.sh")
    assert set(made["files"]) >= {"train.yaml", "run.sh", "rows/prepare.py"}
    assert {"field": "training.steps", "value": 3, "origin": "recipe"}.items() <= next(
        row for row in made["plan"] if row["field"] == "training.steps"
    ).items()


def test_output_is_passed_on_byte_by_byte_and_kept(place):
    framework(place, r"sys.stdout.buffer.write(b'a\r b\xff\n'); sys.stderr.write('bar\r'); save()")
    code, out, _ = recipes_run(place)
    assert code == 0
    assert b"a\r b\xff\n" in out and b"bar\r" in out
    assert (place / "runs/toy/run.log").read_bytes() == out


def test_reader_that_goes_away_does_not_end_the_run(place):
    body = "print('ready', flush=True)\ntime.sleep(1)\nprint('x' * 100000, flush=True)\ntime.sleep(0.5)\nsave()"
    framework(place, body)
    process = started(place)
    ready(process)
    process.stdout.close()
    assert process.wait(30) == 0
    assert record(place)["status"] == "finished"
    assert b"x" * 100000 in (place / "runs/toy/run.log").read_bytes()


def test_failed_run_shows_the_last_lines(place):
    framework(place, FAILS)
    code, _, err = recipes_run(place)
    assert code == 5
    assert "ValueError: the weights are torn\n  second line" in err and "50%" not in err
    assert "failed with exit code 1" in err
    assert record(place)["status"] == "failed" and record(place)["exit_code"] == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "wrote no adapter_model.safetensors"),
        ("save(name='other.safetensors')", "wrote no adapter_model.safetensors"),
        ("(out / 'adapter_model.safetensors').touch()", "wrote no adapter_model.safetensors"),
        ("save(steps=2)", "at step 2 of 3"),
    ],
)
def test_exit_code_0_alone_is_no_success(place, body, said):
    framework(place, body)
    code, _, err = recipes_run(place)
    assert code == 5 and said in err
    assert record(place)["status"] == "failed" and record(place)["exit_code"] == 0


def test_diverged_run_says_so(place):
    framework(
        place, "save()\nstate = out / 'trainer_state.json'\nstate.write_text(state.read_text().replace('1.5', 'NaN'))"
    )
    code, _, err = recipes_run(place)
    assert code == 0 and "training diverged" in err
    assert record(place)["last_loss"] is None


def test_rows_that_fail_are_the_recipes_fault(place):
    code, _, err = recipes_run(place, STAND_IN_ROWS="1")
    assert code == 1 and "the data cannot be used for training" in err
    assert record(place)["status"] == "failed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_though_the_framework_saves_and_exits_0(place, number):
    framework(place, SAVES_AND_EXITS_0.replace("signal.SIGINT", f"signal.{number.name}"))
    process = started(place)
    ready(process)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and b"interrupted by " + number.name.encode() in err
    made = record(place)
    assert (made["status"], made["signal"], made["exit_code"]) == ("interrupted", number.name, 0)
    assert made["ended"] and not alive(place)


def test_what_does_not_end_is_killed_after_the_grace(place):
    framework(place, STUBBORN)
    process = started(place, QWEN_RECIPES_GRACE="1")
    ready(process)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130 and 1 <= time.monotonic() - began < 8
    assert record(place)["status"] == "interrupted"
    assert not alive(place)


def test_second_signal_kills_at_once(place):
    framework(place, STUBBORN)
    process = started(place)
    ready(process)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130 and time.monotonic() - began < 8
    assert not alive(place)


def test_nothing_outlives_recipes_and_the_next_run_says_it_was_killed(place):
    framework(place, STUBBORN)
    process = started(place, QWEN_RECIPES_GRACE="0.5")
    ready(process)
    process.kill()
    process.communicate(timeout=30)
    assert read_record(place / "runs/toy").state == "killed"
    assert not alive(place)
    made = ended(place)
    assert made["status"] == "killed" and "`recipes` was killed" in made["problem"] and made["seconds"] > 0
    framework(place, "save()")
    for _ in range(50):
        code, _, err = recipes_run(place)
        if code != 4:
            break
    assert code == 0 and "(killed) was moved to" in err
    assert json.loads((place / "runs/toy/earlier/1/run.json").read_text())["status"] == "killed"


def test_supervisor_killed_leaves_no_process_of_its_group(place):
    framework(place, "pids()\nprint('ready', flush=True)\ntime.sleep(100)")
    process = started(place)
    ready(process)
    os.kill(record(place)["pgid"], signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == 5 and record(place)["status"] == "killed"
    assert not alive(place)


def test_framework_killed_by_the_system(place):
    framework(place, "os.kill(os.getpid(), signal.SIGKILL)")
    code, _, err = recipes_run(place)
    assert code == 5 and "ran out of memory" in err
    made = record(place)
    assert (made["status"], made["signal"], made["exit_code"]) == ("killed", "SIGKILL", None)


def test_leftovers_of_a_finished_run_are_killed(place):
    framework(place, "left = subprocess.Popen(['sleep', '100'], start_new_session=True)\npids(left.pid)\nsave()")
    code, _, _ = recipes_run(place, QWEN_RECIPES_GRACE="0.5")
    assert code == 0 and not alive(place)


def test_second_run_in_the_same_folder_waits_for_nobody(place):
    framework(place, STUBBORN)
    process = started(place, QWEN_RECIPES_GRACE="0.2")
    ready(process)
    before = (place / "runs/toy/run.json").read_bytes()
    code, _, err = recipes_run(place)
    assert code == 4 and f"process {process.pid}" in err
    assert (place / "runs/toy/run.json").read_bytes() == before
    process.terminate()
    process.communicate(timeout=30)


def test_run_of_another_host_is_not_judged(place):
    recipes_run(place)
    made = read_record(place / "runs/toy")
    made.status, made.host = "running", "elsewhere"
    write_record(made)
    code, _, err = recipes_run(place)
    assert code == 4 and "started on elsewhere" in err


def test_results_of_an_earlier_run_are_moved_aside(place):
    framework(place, "(out / 'checkpoint-3').mkdir()\nsave()")
    recipes_run(place)
    framework(place, "")
    code, _, err = recipes_run(place)
    assert code == 5 and "(finished) was moved to" in err
    assert not (place / "runs/toy/checkpoint-3").exists()
    assert (place / "runs/toy/earlier/1/checkpoint-3").is_dir()


def test_dry_run_writes_nothing(place):
    before = sorted(place.rglob("*"))
    code, out, _ = recipes_run(place, "--dry-run")
    assert code == 0 and b"run.sh" in out and b"stand-in" in out
    assert sorted(place.rglob("*")) == before


def test_everything_in_the_way_is_told_at_once(place):
    (place / "rows.jsonl").unlink()
    (place / "runs").write_text("a file")
    code, _, err = recipes_run(place, "--set", "run.environment=managed", QWEN_RECIPES_HOME=str(place / "none"))
    assert code == 1
    assert "rows.jsonl does not exist" in err and "recipes env create llamafactory" in err and "runs is a file" in err


@pytest.mark.parametrize("environment", ["managed", "nowhere"])
def test_missing_environment(place, environment):
    arguments = ("--set", f"run.environment={environment}")
    code, _, err = recipes_run(place, *arguments, QWEN_RECIPES_HOME=str(place / "none"))
    assert code == 4 and environment.replace("managed", "recipes env create llamafactory --device cpu") in err
    assert not (place / "runs").exists() and not (place / "compiled").exists()


def test_edited_files_are_not_overwritten(place):
    recipes_run(place)
    script = place / "compiled/toy/llamafactory/train.yaml"
    script.write_text(script.read_text() + "# mine\n")
    assert recipes_run(place)[0] == 1
    assert recipes_run(place, "--force")[0] == 0


def test_losses_of_each_frameworks_files(tmp_path):
    log = tmp_path / "run.log"
    log.write_text(
        "{'loss': '2.5', 'epoch': '0.1'}\n\r{'eval_loss': '2.25', 'epoch': '0.1'}\n{'loss': 2.0}\n{'loss': x}\n"
    )
    printed = read_losses(tmp_path, log)
    assert printed.train == [(1, 2.5), (2, 2.0)] and printed.last_evaluation == 2.25 and printed.steps is None
    (tmp_path / "logging.jsonl").write_text('{"loss": 3.0, "global_step/max_steps": "4/9"}\n{"log_history": []}\n{"lo')
    swift = read_losses(tmp_path, log)
    assert (swift.train, swift.steps, swift.planned) == ([(4, 3.0)], 4, 9)
    (tmp_path / "trainer_log.jsonl").write_text('{"current_steps": 5, "total_steps": 9, "loss": 1.5}\n')
    assert read_losses(tmp_path, log).train == [(5, 1.5)]
    for step in (9, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
        state = {"global_step": step, "max_steps": 10, "log_history": [{"step": step, "loss": 1.0}]}
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(json.dumps(state))
    newest = read_losses(tmp_path, log)
    assert (newest.steps, newest.planned, newest.last) == (10, 10, 1.0)


def test_last_lines_are_those_that_tell_the_reason(tmp_path):
    log = tmp_path / "run.log"
    log.write_text(
        "[rank0]: Traceback (most recent call last):\n[rank0]:   File 'x', line 1\n[rank0]:     ~~^^^\n"
        "[rank0]: KeyError: 'q_proj'\n\n"
        "Traceback (most recent call last):\n  File 'launcher', line 2\n"
        "subprocess.CalledProcessError: Command returned non-zero exit status 1.\n"
    )
    assert read_error_lines(log) == ["Traceback (most recent call last):", "  File 'x', line 1", "KeyError: 'q_proj'"]
    log.write_text("\x1b[31mone\x1b[0m\n100%|####| 5/5 [00:01<00:00]\n\n\ntwo\n")
    assert read_error_lines(log) == ["one", "two"]
    assert read_error_lines(tmp_path / "none.log") == []
