"""A run that is killed, fills the disk, or finds a torn checkpoint goes on, and learns what it would have learned."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.reports.run_table import list_runs
from qwen_recipes.runs.checkpoints import find_last_intact, list_checkpoints
from qwen_recipes.runs.record import read_record
from qwen_recipes.runs.run import find_trained_weights
from qwen_recipes.runs.trainer_logs import find_newest_checkpoint

from .conftest import EPOCH_STEPS, ROOT, RunFolder, list_session_processes, simulate_kill

pytestmark = pytest.mark.training
WITHIN = 1e-3
"""How far two runs' losses may be apart."""
STEPS, MANY = 24, 240
"""Steps of a run that is hurt once or twice, and of one that is hurt twenty times."""


def same_curve(place: RunFolder, reference: RunFolder) -> dict[str, Any]:
    """The largest difference of two runs' losses, which are of the same steps, and whether the weights are the same."""
    ours, theirs = place.losses(), reference.losses()
    assert sorted(ours) == sorted(theirs) == list(range(1, place.steps + 1))
    worst = max(abs(ours[step] - theirs[step]) for step in ours)
    assert worst <= WITHIN, [
        (step, ours[step], theirs[step]) for step in ours if abs(ours[step] - theirs[step]) > WITHIN
    ]
    files = [
        find_trained_weights(one.output, True) or find_trained_weights(one.output, False) for one in (place, reference)
    ]
    return {"worst": worst, "same_weights": len({file.read_bytes() for file in files if file}) == 1}


def keep(name: str, found: dict[str, Any]) -> None:
    """Write a result into the file that QWEN_RECIPES_RESULTS names, if it names one.

    research/faults/faults_page.py shows it.
    """
    if not (file := os.environ.get("QWEN_RECIPES_RESULTS")):
        return
    path = ROOT / file
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    results[name] = {**found, "date": date.today().isoformat()}
    path.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n", "utf-8")


def wait_for(process: subprocess.Popen[str], true: Callable[[], bool], every: float = 0.05) -> None:
    """Until something is so, or the process has ended."""
    while process.poll() is None and not true():
        time.sleep(every)


def half_saved(place: RunFolder) -> bool:
    """Whether a checkpoint is being written: the last file of the newest is not there yet."""
    newest = find_newest_checkpoint(place.output)
    return newest is not None and not (newest / "trainer_state.json").exists()


def moment(place: RunFolder, process: subprocess.Popen[str], when: str, window: float, chance: random.Random) -> None:
    """Wait for a random moment of the start, of training (within `window` seconds of its first step), or of a save."""
    wait_for(process, lambda: place.is_started_by(process.pid))
    if when == "start":
        time.sleep(chance.uniform(0.5, 15))
        return
    before = place.count_logged_lines()
    wait_for(process, lambda: place.count_logged_lines() > before)
    time.sleep(chance.uniform(0, window))
    if when == "save":
        wait_for(process, lambda: half_saved(place), 0.001)
        time.sleep(chance.uniform(0, 0.05))


def killed(
    place: RunFolder, when: str, whom: str, window: float, chance: random.Random, *arguments: str
) -> dict[str, Any]:
    """Start the run, kill it at a moment, and look at what is left."""
    before = find_last_intact(place.output)[0]
    process = place.start(*arguments)
    began = time.monotonic()
    moment(place, process, when, window, chance)
    after, step = time.monotonic() - began, place.step()
    place.kill_processes(process, whom)
    process.communicate(timeout=60)
    made = place.wait_until_ended(whom != "everything")
    record = read_record(place.output) if whom == "everything" else None
    good, torn = find_last_intact(place.output)
    assert before is None or (good is not None and good.step >= before.step), "a checkpoint was lost"
    if record is None:
        assert made["status"] in ("killed", "failed") and made["ended"]
        assert whom == "recipes" or process.returncode == 5
    else:
        assert (made["status"], record.state) == ("running", "killed")
        assert [one.state for one in list_runs(place.folder)] == ["killed"]
    return {
        "killed": whom,
        "during": when,
        "after_seconds": round(after, 1),
        "at_step": step,
        "status": record.state if record else made["status"],
        "resumed_from": made["resumed_from"],
        "last_whole": good and good.step,
        "torn": [one.step for one in torn],
    }


CHEAP = [("trainer", "training"), ("recipes", "save")]


def twenty(chance: random.Random) -> list[tuple[str, str]]:
    """Whom, and when: a fifth while starting, a fifth while saving, the rest in training."""
    whom = ["trainer", "recipes"] * 8 + ["everything"] * 4
    when = ["start"] * 4 + ["save"] * 4 + ["training"] * 12
    chance.shuffle(whom)
    chance.shuffle(when)
    return list(zip(whom, when, strict=True))


@pytest.mark.parametrize("steps", [STEPS, pytest.param(MANY, marks=pytest.mark.full)])
def test_kills_at_random_moments(
    steps: int, place: Callable[..., RunFolder], reference: Callable[..., RunFolder]
) -> None:
    chance = random.Random(7)
    plan = CHEAP if steps == STEPS else twenty(chance)
    hurt, whole = place(steps), reference(steps)
    pace = whole.record()["metrics"]["seconds_per_step"]  # type: ignore[index]
    window, told = pace * 0.7 * steps / len(plan), []
    for number, (whom, when) in enumerate(plan):
        told.append(killed(hurt, when, whom, window, chance, *(["--resume"] if number else [])))
    code, said = hurt.run("--resume")
    assert code == 0, said
    made = hurt.record()
    assert (made["status"], made["steps"], made["resumed_from"]) == ("finished", steps, told[-1]["last_whole"])
    began = max(number for number, one in enumerate(told) if one["resumed_from"] is None)
    assert len(made["attempts"]) == len(plan) - began  # type: ignore[arg-type]
    keep(f"llamafactory, kill -9 {len(plan)} times", {"steps": steps, **same_curve(hurt, whole), "kills": told})


@pytest.mark.full
def test_torn_checkpoint_is_passed_over(place: Callable[..., RunFolder], reference: Callable[..., RunFolder]) -> None:
    hurt, whole = place(STEPS), reference(STEPS)
    simulate_kill(hurt, whole, STEPS)
    newest = list_checkpoints(hurt.output)[-1].folder / "adapter_model.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    code, said = hurt.run("--resume")
    assert code == 0, said
    assert f"checkpoint-{STEPS} is damaged (adapter_model.safetensors is truncated" in said
    assert hurt.record()["resumed_from"] == STEPS - 2
    assert (hurt.output / f"earlier/damaged/1/checkpoint-{STEPS}").is_dir()
    same_curve(hurt, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_signal_ends_the_whole_training(number: signal.Signals, place: Callable[..., RunFolder]) -> None:
    hurt = place(STEPS)
    process = hurt.start()
    wait_for(process, lambda: hurt.count_logged_lines() > 0)
    session = hurt.record()["pgid"]
    assert len(list_session_processes(session)) > 1
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and f"interrupted by {number.name}" in said
    assert not list_session_processes(session)
    made = hurt.record()
    assert (made["status"], made["signal"]) == ("interrupted", number.name) and made["ended"]
    assert [one.state for one in list_runs(hurt.folder)] == ["interrupted"]


def test_data_file_removed(place: Callable[..., RunFolder]) -> None:
    hurt = place(4)
    (hurt.folder / "rows.jsonl").unlink()
    code, said = hurt.run()
    assert code == 1 and "hurt.yaml:6:" in said and "rows.jsonl does not exist" in said
    assert not hurt.output.exists()


def test_data_file_removed_or_changed_before_it_goes_on(
    place: Callable[..., RunFolder], reference: Callable[..., RunFolder]
) -> None:
    hurt = place(STEPS)
    simulate_kill(hurt, reference(STEPS), STEPS - 2)
    before = (hurt.output / "run.json").read_bytes()
    rows = hurt.folder / "rows.jsonl"
    rows.write_text(rows.read_text("utf-8").replace("12", "13"), "utf-8")
    code, said = hurt.run("--resume")
    assert code == 1 and "rows.jsonl has changed since the run began" in said
    rows.unlink()
    code, said = hurt.run("--resume")
    assert code == 1 and "rows.jsonl does not exist" in said
    assert (hurt.output / "run.json").read_bytes() == before


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[Path, str], None]]:
    """Mount a small file system over a folder; skips where that is not allowed."""
    mounts: list[Path] = []

    def mount(folder: Path, options: str) -> None:
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounts.append(folder)

    yield mount
    for folder in mounts:
        subprocess.run(["umount", str(folder)], check=False)


def test_read_only_output(place: Callable[..., RunFolder], mounted: Callable[[Path, str], None]) -> None:
    hurt = place(4)
    mounted(hurt.folder / "out", "ro,size=1m")
    code, said = hurt.run()
    assert code == 4 and "is not writable" in said
    assert not any((hurt.folder / "out").iterdir())


@pytest.mark.full
def test_full_disk(
    place: Callable[..., RunFolder], reference: Callable[..., RunFolder], mounted: Callable[[Path, str], None]
) -> None:
    """Someone else fills the disk but for half a checkpoint's room, once there is a whole one."""
    hurt, whole = place(STEPS), reference(STEPS)
    mounted(hurt.folder / "out", "size=400m")
    process = hurt.start()
    wait_for(process, lambda: find_last_intact(hurt.output)[0] is not None, 0.01)
    one = sum(path.stat().st_size for path in list_checkpoints(whole.output)[-1].folder.iterdir())
    filler = hurt.folder / "out" / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(filler.parent).free - one // 2)
    _, said = process.communicate(timeout=120)
    made = hurt.wait_until_ended()
    assert process.returncode == 5 and "disk-full" in said, said
    assert made["status"] == "failed" and made["ended"]
    good, torn = find_last_intact(hurt.output)
    assert good is not None
    filler.unlink()
    code, said = hurt.run("--resume")
    assert code == 0, said
    assert hurt.record()["resumed_from"] == good.step
    found = {"steps": STEPS, "resumed_from": good.step, "torn": [one.step for one in torn], **same_curve(hurt, whole)}
    keep("llamafactory, full disk", found)


@pytest.mark.full
@pytest.mark.parametrize("backend", ["axolotl", "llamafactory", "ms-swift", "trl"])
def test_each_framework_goes_on(
    backend: str, place: Callable[..., RunFolder], reference: Callable[..., RunFolder]
) -> None:
    hurt, whole = place(STEPS, backend), reference(STEPS, backend)
    told = killed(hurt, "training", "trainer", 3.0, random.Random(7))
    code, said = hurt.run("--resume")
    assert code == 0, said
    made = hurt.record()
    assert (made["resumed_from"], made["steps"]) == (told["last_whole"], STEPS)
    keep(f"{backend}, kill -9 once", {"steps": STEPS, **same_curve(hurt, whole), "kills": [told]})


@pytest.mark.full
@pytest.mark.parametrize("backend", ["axolotl", "llamafactory", "ms-swift", "trl"])
def test_goes_on_where_an_epoch_ended(
    backend: str, place: Callable[..., RunFolder], reference: Callable[..., RunFolder]
) -> None:
    hurt, whole = place(STEPS, backend), reference(STEPS, backend)
    simulate_kill(hurt, whole, EPOCH_STEPS * 2)
    code, said = hurt.run("--resume")
    assert code == 0, said
    assert hurt.record()["resumed_from"] == EPOCH_STEPS * 2
    keep(
        f"{backend}, stopped at an epoch's end",
        {"steps": STEPS, "resumed_from": EPOCH_STEPS * 2, **same_curve(hurt, whole)},
    )


@pytest.mark.full
@pytest.mark.parametrize("backend", ["axolotl", "llamafactory", "trl"])
def test_packed_rows_come_in_the_same_order(
    backend: str, place: Callable[..., RunFolder], reference: Callable[..., RunFolder]
) -> None:
    """In the middle of an epoch, which has four steps. ms-swift packs with flash attention alone: not on a CPU."""
    hurt, whole = place(STEPS, backend, True), reference(STEPS, backend, True)
    simulate_kill(hurt, whole, STEPS - 2)
    code, said = hurt.run("--resume")
    assert code == 0, said
    assert hurt.record()["resumed_from"] == STEPS - 2
    keep(f"{backend}, packed", {"steps": STEPS, "resumed_from": STEPS - 2, **same_curve(hurt, whole)})
