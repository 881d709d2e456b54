"""What happens to runs besides failing: the machine restarts, files are damaged or gone, two start at once.

With stand-ins for the environment and the framework; the real ones: tests/faults.
"""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import bench_runs
from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.reports.run_table import list_runs
from qwen_recipes.resolve import resolve
from qwen_recipes.runs.data_hashes import hash_data
from qwen_recipes.runs.heartbeat import HEARTBEAT_TIMEOUT, LOCK_FILE, read_process_start
from qwen_recipes.runs.process import _MAX_HELD_BYTES, _LogWriter
from tests.conftest import ROOT
from tests.unit.runs.stand_ins import RECIPE, checkpoint, framework, recipes_run, record, started

CITED = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 112.00 MiB. GPU"
"""hiyouga/LlamaFactory#4263."""


def change(place, **values):
    path = place / "runs/toy/run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def status(place):
    done = CliRunner().invoke(main, ["status", str(place), "--format", "json"])
    return [one["state"] for one in json.loads(done.stdout)] if done.stdout else []


GONE = {
    "no such process": {"pid": 2**22 + 1, "pid_started": 77},
    "another process has its number": {"pid": os.getpid(), "pid_started": 77},
}


@pytest.mark.parametrize("how", GONE)
def test_machine_that_restarted(stopped, how):
    assert read_process_start(os.getpid()) != 77
    change(stopped, status="running", ended=None, **GONE[how])
    assert status(stopped) == ["killed"]
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "resuming from checkpoint-2" in err
    assert [one["status"] for one in record(stopped)["attempts"]] == ["killed"]


def test_machine_that_came_back_under_another_name(stopped):
    """As a container does: its processes can't be asked about, so it has to have given a sign of life."""
    change(stopped, status="running", ended=None, host="elsewhere")
    assert status(stopped) == ["running"]
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 4 and "started on elsewhere" in err and "counts as ended after 120 s" in err
    long_ago = time.time() - HEARTBEAT_TIMEOUT - 1
    os.utime(stopped / "runs/toy" / LOCK_FILE, (long_ago, long_ago))
    assert status(stopped) == ["killed"]
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "resuming from checkpoint-2" in err


def test_run_gives_a_sign_of_life(stopped):
    lock = stopped / "runs/toy" / LOCK_FILE
    os.utime(lock, (0, 0))
    assert recipes_run(stopped, "--resume")[0] == 0
    assert time.time() - lock.stat().st_mtime < 60


def test_two_at_once(place):
    framework(place, "time.sleep(3)\nsave()")
    both = [started(place, shown=False) for _ in range(2)]
    said = [process.communicate(timeout=60)[1].decode() for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 4], said
    late = said[codes.index(4)]
    assert "runs/toy is used by an active run" in late or "another run uses runs/toy" in late
    assert record(place)["status"] == "finished" and not (place / "runs/toy/earlier").exists()


def test_checkpoints_deleted_by_hand(stopped):
    output = stopped / "runs/toy"
    (output / "checkpoint-2").rename(stopped / "away")
    assert recipes_run(stopped, "--resume", "--dry-run")[0] == 0
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "resuming from checkpoint-1" in err
    change(stopped, status="killed")
    (output / "checkpoint-1").rename(stopped / "away too")
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "no checkpoint to resume from in runs/toy: starting over" in err
    assert record(stopped)["resumed_from"] is None


def cut_record(place):
    path = place / "runs/toy/run.json"
    path.write_bytes(path.read_bytes()[:200])


def test_damaged_record_is_shown_and_gone_on_without(stopped):
    cut_record(stopped)
    assert status(stopped) == ["damaged"]
    done = CliRunner().invoke(main, ["status", str(stopped)])
    assert "runs/toy/run.json is damaged; `recipes run --resume` works without it" in done.stderr
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "run.json is damaged" in err and "resuming from checkpoint-2" in err
    assert "cannot check whether recipe and data are unchanged" in err
    assert (stopped / "runs/toy/earlier/damaged/1/run.json").stat().st_size == 200
    assert record(stopped)["resumed_from"] == 2


def test_damaged_record_is_moved_aside_with_its_results(place):
    assert recipes_run(place)[0] == 0
    cut_record(place)
    framework(place, "")
    code, _, err = recipes_run(place)
    assert code == 5 and "the previous run was moved to" in err
    assert (place / "runs/toy/earlier/1/adapter_model.safetensors").is_file()


def test_memory_that_ran_out(place):
    framework(place, f"print({CITED!r}, flush=True)\nsys.exit(1)")
    code, _, err = recipes_run(place)
    assert code == 5 and f"line   {CITED}" in err
    made = record(place)
    assert (made["status"], made["exit_code"], made["cause"]) == ("failed", 1, "out-of-memory")
    done = CliRunner().invoke(main, ["why", str(place / "runs/toy"), "--format", "json"])
    assert [one["cause"] for one in json.loads(done.stdout)] == ["out-of-memory"]
    offers = [line for line in err.splitlines() if line.startswith("  --set ")]
    assert offers and all("GiB, at" in line for line in offers)


@pytest.mark.parametrize(("said", "cause"), [("KeyError: 'nothing known'", None), ("", None)])
def test_failure_of_no_known_cause(place, said, cause):
    framework(place, f"print({said!r}, flush=True)\nsys.exit(1)")
    assert recipes_run(place)[0] == 5
    assert record(place)["cause"] is cause


def test_rows_that_were_changed(stopped):
    (stopped / "rows.jsonl").write_text('{"messages": [1]}\n')
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 1 and "rows.jsonl has changed since the run began" in err
    assert record(stopped)["status"] == "failed" and record(stopped)["resumed_from"] is None


def test_a_template_of_ones_own_is_among_what_a_run_was_trained_on(loaded, tmp_path):
    rows, template = tmp_path / "train.jsonl", tmp_path / "mine.jinja"
    rows.write_text("{}\n")
    template.write_text("{{ messages }}")
    recipe = loaded({"data": {"train": rows.name}, "chat": {"template": template.name}})
    plan = resolve(recipe, load_backend("axolotl"))
    before = hash_data(plan, tmp_path)
    assert [(one["split"], one["path"]) for one in before] == [("train", "train.jsonl"), ("template", "mine.jinja")]
    template.write_text("other: {{ messages }}")
    assert [new["path"] for old, new in zip(before, hash_data(plan, tmp_path), strict=True) if old != new] == [
        "mine.jinja"
    ]


def test_what_the_optimizer_keeps_can_not_be_changed(stopped):
    code, _, err = recipes_run(stopped, "--resume", "--set", "training.learning_rate=3e-4")
    assert code == 1 and "training.learning_rate is 0.0003" in err and "has no effect" in err


def test_output_folder_that_is_taken_away(place):
    framework(place, "import shutil\nprint('bye', flush=True)\nshutil.rmtree(out)\nsys.exit(3)")
    code, _, err = recipes_run(place)
    assert code == 5 and "run.json cannot be written: No such file or directory" in err


def test_log_on_a_full_disk_keeps_its_end(tmp_path):
    reserve = tmp_path / "reserve"
    reserve.touch()
    with Path("/dev/full").open("wb", buffering=0) as full, (tmp_path / "log").open("wb", buffering=0) as roomy:
        log = _LogWriter(full)
        log.add(b"x" * 2 * _MAX_HELD_BYTES)
        log.add(b"No space left on device\n")
        log.file = roomy
        log.write_held(reserve)
    text = (tmp_path / "log").read_bytes()
    assert text.endswith(b"xNo space left on device\n") and len(text) == _MAX_HELD_BYTES
    assert not reserve.exists()


def test_checkpoint_of_a_run_without_a_record(place):
    """Someone copied checkpoints into a new folder."""
    checkpoint(place / "runs/toy", 2)
    code, _, err = recipes_run(place, "--resume")
    assert code == 0 and "resuming from checkpoint-2" in err and "cannot check whether" in err


def test_early_stopping_counts_anew(place):
    recipe = place / "toy.yaml"
    told = "training: {steps: 3, early_stopping: 2, evaluate_every: 1, save_every: 1}"
    recipe.write_text(RECIPE.replace("training: {steps: 3}", told).replace("data:\n", "data:\n  validation: 0.5\n"))
    checkpoint(place / "runs/toy", 2)
    code, _, err = recipes_run(place, "--resume")
    assert code == 0 and "early-stopping patience is reset" in err, err


@pytest.mark.parametrize(("rows", "said"), [(32, True), (33, False)])
def test_stream_that_has_begun_anew(place, rows, said):
    """Two steps of 16 rows each were made."""
    recipe = place / "toy.yaml"
    recipe.write_text(RECIPE.replace("data:\n", "data:\n  streaming: true\n"))
    checkpoint(place / "runs/toy", 2)
    (place / "runs/toy/rows").mkdir()
    (place / "runs/toy/rows/rows.json").write_text(json.dumps({"counts": {"train": rows}, "tokens": 1}))
    code, _, err = recipes_run(place, "--resume")
    assert code == 0 and ("the stream had already restarted" in err) is said, err


def test_training_that_has_no_way_back(stopped):
    (stopped / "toy.yaml").write_text(RECIPE + "objective: reward\n")
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 1 and "LLaMA-Factory 0.9.5 cannot resume this training" in err
    framework(stopped, "sys.exit(1)")
    code, _, err = recipes_run(stopped)
    assert code == 5 and "this run cannot be resumed if it stops" in err and "--resume" not in err


RESUMED = [json.loads(line) for line in (ROOT / "research/measurements/results/resumed.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize("seen", RESUMED, ids=lambda seen: f"{seen['backend']}, {seen['method']}, {seen['strategy']}")
def test_what_was_seen_to_go_on_otherwise_on_two_gpus_is_refused_and_nothing_else(seen):
    places = f"method: {seen['method']}\nhardware: {{gpus: 2, gpu: h100, strategy: {seen['strategy']}}}\n"
    text = f"version: 1\nmodel: Qwen/Qwen3-4B\ndata: {{train: rows.jsonl}}\n{places}"
    backend = load_backend(seen["backend"])
    assert bool(backend.explain_cannot_resume(resolve(load_recipe_text(text, "r.yaml", Path()), backend))) is (
        seen["worst"] > 1e-3
    )


@pytest.mark.parametrize("state", ["finished", "running"])
def test_the_benchmark_s_records_are_records(tmp_path, state):
    bench_runs.write_run_record(tmp_path / "a", 1, state)
    assert [one.state for one in list_runs(tmp_path)] == [state]
