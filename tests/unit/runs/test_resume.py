"""Going on from a checkpoint, with stand-ins for the environment and the framework; the real ones: tests/faults."""

import hashlib
import json

from tests.unit.runs.stand_ins import cut, framework, recipes_run, record


def test_goes_on_from_the_last_checkpoint(stopped):
    before = (stopped / "runs/toy/run.log").read_bytes()
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "resuming from checkpoint-2" in err
    made = record(stopped)
    assert made["resumed_from"] == 2 and made["status"] == "finished"
    assert [one["status"] for one in made["attempts"]] == ["failed"]
    folder = (stopped / "runs/toy/checkpoint-2").resolve()
    assert (stopped / "arguments").read_text().endswith(f"train.yaml resume_from_checkpoint={folder}")
    assert made["command"][-1] == f"resume_from_checkpoint={folder}"
    assert (stopped / "runs/toy/run.log").read_bytes().startswith(before)
    assert not (stopped / "runs/toy/earlier").exists()


def test_damaged_checkpoints_are_passed_over(stopped):
    cut(stopped / "runs/toy/checkpoint-2/adapter_model.safetensors")
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "checkpoint-2 is damaged (adapter_model.safetensors is truncated" in err
    assert record(stopped)["resumed_from"] == 1
    assert (stopped / "runs/toy/earlier/damaged/1/checkpoint-2/optimizer.pt").is_file()


def test_without_a_whole_checkpoint_the_run_starts_over(stopped):
    for step in (1, 2):
        (stopped / f"runs/toy/checkpoint-{step}/optimizer.pt").unlink()
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 0 and "no complete checkpoint" in err
    assert record(stopped)["resumed_from"] is None and "resume" not in (stopped / "arguments").read_text()


def test_another_training_is_refused(stopped):
    before = (stopped / "runs/toy/run.json").read_bytes()
    code, _, err = recipes_run(stopped, "--resume", "--set", "method.rank=32", "--set", "training.batch_size=8")
    assert code == 1 and "method.rank is 32, was 16" in err and "training.batch_size is 8" in err
    assert (stopped / "runs/toy/run.json").read_bytes() == before
    assert (stopped / "runs/toy/checkpoint-2").is_dir()


def test_what_may_change_is_told(stopped):
    code, _, err = recipes_run(stopped, "--resume", "--set", "training.keep_checkpoints=5")
    assert code == 0 and "changed since the run began: training.keep_checkpoints is 5" in err


def test_a_finished_run_needs_no_more(place):
    assert recipes_run(place)[0] == 0
    before = (place / "runs/toy/run.json").read_bytes()
    code, _, err = recipes_run(place, "--resume")
    assert code == 0 and "is finished" in err
    assert (place / "runs/toy/run.json").read_bytes() == before


def test_failure_is_explained_and_says_how_to_go_on(stopped):
    framework(stopped, "raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')")
    code, _, err = recipes_run(stopped, "--resume")
    assert code == 5 and "out-of-memory:" in err and "training.micro_batch_size" in err
    assert "`recipes run --resume` resumes from checkpoint-2" in err


def test_the_record_has_what_a_run_depends_on(stopped):
    made = record(stopped)
    digest = hashlib.sha256((stopped / "rows.jsonl").read_bytes()).hexdigest()
    entry = {"split": "train", "path": "rows.jsonl", "sha256": digest, "bytes": 17, "rows": 1}
    assert made["data"] == [entry]
    assert made["gpus"] == [] and made["metrics"]["memory_of"] == "host"
    assert made["environment"]["lock"] is None


def test_weights_that_are_torn_are_no_result(place):
    framework(place, "save()\n(out / 'adapter_model.safetensors').write_bytes(b'12345678' + b'{')")
    code, _, err = recipes_run(place)
    assert code == 5 and "wrote no adapter_model.safetensors" in err


def test_progress_without_a_terminal_is_plain_lines(place):
    body = (
        "print('  0%|          | 0/3 [00:00<?, ?it/s]', flush=True)\n"
        "print(\"{'loss': '2.5', 'learning_rate': '1e-4'}\", flush=True)\ntime.sleep(1.5)\nsave()"
    )
    framework(place, body)
    code, out, err = recipes_run(place, shown=False)
    assert code == 0 and out == b"" and "loss 2.5" in err
    code, out, err = recipes_run(place, "-q", shown=False)
    assert out == b"" and "learning_rate" not in err and "lr " not in err and "finished in" in err
    points = [json.loads(line) for line in (place / "runs/toy/metrics.jsonl").read_text().splitlines()]
    assert points[0]["loss"] == 2.5 and points[0]["learning_rate"] == 1e-4
