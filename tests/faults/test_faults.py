"""A run that is killed, fills the disk, or finds a torn checkpoint goes on, and learns what it would have learned."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qwen_recipes.launch.checkpoints import checkpoints, last_whole
from qwen_recipes.launch.record import read_record, write_record

from .conftest import ROOT, Place

pytestmark = pytest.mark.training
WITHIN = 1e-3
"""How far two runs' losses may be apart."""
RESULTS = ROOT / "tests" / "faults" / "results.json"


def same_curve(place: Place, reference: Place) -> float:
    """The largest difference of two runs' losses, which are of the same steps."""
    ours, theirs = place.losses(), reference.losses()
    assert sorted(ours) == sorted(theirs) == list(range(1, place.steps + 1))
    worst = max(abs(ours[step] - theirs[step]) for step in ours)
    assert worst <= WITHIN
    return worst


def killed(place: Place, moment: float, whom: str, *arguments: str) -> dict[str, object]:
    """Start the run, kill after so many seconds, and look at what is left."""
    before = last_whole(place.output)[0]
    process = place.start(*arguments)
    began = time.monotonic()
    while not (place.output / "run.json").is_file() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(max(0.0, began + moment - time.monotonic()))
    place.hit(process, whom)
    process.communicate(timeout=60)
    made = place.settled()
    good, torn = last_whole(place.output)
    assert good is None or before is None or good.step >= before.step, "a checkpoint was lost"
    assert made["status"] in ("killed", "failed", "finished") and made["ended"]
    assert whom == "recipes" or process.returncode in (0, 5)
    return {
        "killed": whom,
        "after_seconds": round(moment, 1),
        "status": made["status"],
        "last_whole": good and good.step,
        "torn": [one.step for one in torn],
        "resumed_from": made["resumed_from"],
    }


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.full)])
def test_kills_at_random_moments(times: int, place: Callable[..., Place], reference: Callable[[int], Place]) -> None:
    steps = 12 if times == 2 else 60
    hurt, whole, moments = place(steps), reference(steps), random.Random(7)
    took = float(str(whole.record()["seconds"]))
    told = []
    for number in range(times):
        whom = ("trainer", "recipes")[number % 2]
        moment = moments.uniform(0.5, took) if times > 2 else took * 0.8
        told.append(killed(hurt, moment, whom, *(["--resume"] if number else [])))
    finished = hurt.record()["status"] == "finished"
    code, said = hurt.run("--resume")
    assert code == 0, said
    made = hurt.record()
    assert made["status"] == "finished" and made["steps"] == steps
    worst = same_curve(hurt, whole)
    if not finished:
        good = told[-1]["last_whole"]
        assert made["resumed_from"] == good
    if times > 2:
        RESULTS.write_text(json.dumps({"steps": steps, "worst": worst, "kills": told}, indent=2) + "\n", "utf-8")


def test_torn_checkpoint_is_passed_over(place: Callable[..., Place], reference: Callable[[int], Place]) -> None:
    hurt, whole = place(12), reference(12)
    shutil.copytree(whole.output, hurt.output)
    for path in hurt.output.glob("adapter_model.safetensors"):
        path.unlink()
    record = read_record(hurt.output)
    assert record is not None
    record.status, record.output = "killed", str(hurt.output)
    write_record(record)
    newest = checkpoints(hurt.output)[-1].folder / "adapter_model.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    code, said = hurt.run("--resume")
    assert code == 0, said
    assert "checkpoint-12 is damaged (adapter_model.safetensors is cut off" in said
    assert hurt.record()["resumed_from"] == 10
    assert (hurt.output / "earlier/damaged/1/checkpoint-12").is_dir()
    same_curve(hurt, whole)


def test_data_file_removed(place: Callable[..., Place]) -> None:
    hurt = place(4)
    (hurt.folder / "rows.jsonl").unlink()
    code, said = hurt.run()
    assert code == 1 and "hurt.yaml:6:" in said and "rows.jsonl is not there" in said
    assert not hurt.output.exists()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[Path, str], None]]:
    """Mount a small file system over a folder, or change it; skips where that is not allowed."""
    mounts: list[Path] = []

    def mount(folder: Path, options: str) -> None:
        folder.mkdir(exist_ok=True)
        remount = folder in mounts
        command = ["mount", "-t", "tmpfs", "-o", ("remount," if remount else "") + options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounts.append(folder)

    yield mount
    for folder in dict.fromkeys(mounts):
        subprocess.run(["umount", str(folder)], check=False)


def test_read_only_output(place: Callable[..., Place], mounted: Callable[[Path, str], None]) -> None:
    hurt = place(4)
    mounted(hurt.folder / "out", "ro,size=1m")
    code, said = hurt.run()
    assert code == 4 and "can't be written to" in said
    assert not any((hurt.folder / "out").iterdir())


def test_full_disk(
    place: Callable[..., Place], reference: Callable[[int], Place], mounted: Callable[[Path, str], None]
) -> None:
    hurt, whole = place(12), reference(12)
    size = sum(path.stat().st_size for path in checkpoints(whole.output)[-1].folder.rglob("*"))
    mounted(hurt.folder / "out", f"size={int(size * 2.5)}")
    code, said = hurt.run()
    made = hurt.settled()
    assert code == 5 and "disk-full" in said, said
    assert made["status"] == "failed" and made["ended"]
    good, _ = last_whole(hurt.output)
    assert good is not None
    mounted(hurt.folder / "out", "size=1g")
    code, said = hurt.run("--resume")
    assert code == 0, said
    assert hurt.record()["resumed_from"] == good.step
    same_curve(hurt, whole)


@pytest.mark.full
@pytest.mark.parametrize("backend", ["axolotl", "ms-swift"])
def test_other_frameworks_go_on_too(backend: str, place: Callable[..., Place]) -> None:
    whole, hurt = place(8, backend=backend, name="whole"), place(8, backend=backend, name="hurt")
    code, said = whole.run()
    assert code == 0, said
    process = hurt.start()
    while process.poll() is None and not any(one.damage is None and one.step >= 4 for one in checkpoints(hurt.output)):
        time.sleep(0.05)
    hurt.hit(process, "trainer")
    process.communicate(timeout=60)
    good, _ = last_whole(hurt.output)
    assert good is not None and good.step < 8
    code, said = hurt.run("--resume")
    assert code == 0, said
    made = hurt.record()
    assert (made["resumed_from"], made["steps"]) == (good.step, 8)
    same_curve(hurt, whole)
