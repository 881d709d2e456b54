"""What looking at runs costs: `recipes status` on many, and following one while it trains.

All of it is CPU time (`make bench`), which on an idle machine is what `status` takes; following is a share of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from qwen_recipes.launch.follow import Follower
from qwen_recipes.launch.points import Point, append_point

RUNS = 1000
PROGRAM = [sys.executable, "-c", "from qwen_recipes.cli import main; main()"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def record(folder: Path, number: int, status: str) -> None:
    """A record as `recipes run` writes it, with a plan of a hundred values; every tenth run goes on elsewhere."""
    plan = [
        {"field": f"training.value_{n}", "value": n, "origin": "default", "reason": "as usual for adapters " * 3}
        for n in range(100)
    ]
    data = {
        "name": f"run-{number}", "recipe": {"text": "x" * 1500}, "plan": plan, "host": "elsewhere", "pid": 1,
        "backend": {"name": "axolotl", "version": "0"}, "status": status, "started": "2026-01-01T00:00:00+00:00",
        "pid_started": 1, "steps": 400, "planned_steps": 400, "last_loss": 1.25, "seconds": 3600.0,
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(data, indent=2), "utf-8")
    (folder / "checkpoint-400").mkdir()
    if status == "running":
        for step in range(1, 200):
            append_point(folder, Point(step, 400, loss=3 / step, learning_rate=1e-4, seconds=step * 2.0))


def status_seconds(root: Path, rounds: int) -> list[float]:
    for number in range(RUNS):
        record(root / f"group-{number // 100}" / f"run-{number}", number, "finished" if number % 10 else "running")
    taken = []
    for _ in range(rounds + 1):
        began = spent()
        done = subprocess.run([*PROGRAM, "status", str(root)], capture_output=True, env=ENVIRONMENT)
        taken.append(spent() - began)
        assert done.returncode == 0 and len(done.stdout.splitlines()) == RUNS + 1, done.stderr
    return taken[1:]


def logs_share(folder: Path, seconds: float) -> float:
    """CPU share of `recipes logs -f` on a log that grows by a bar four times a second, after its start."""
    record(folder, 1, "running")
    log = folder / "run.log"
    log.write_bytes(b"")
    process = subprocess.Popen([*PROGRAM, "logs", "-f", str(folder)], stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    time.sleep(3)
    before = ticks(process.pid)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with log.open("ab") as file:
            file.write(b"\r 50%|#####     | 200/400 [10:00<10:00,  3.00s/it]")
        time.sleep(0.25)
    share = (ticks(process.pid) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    process.kill()
    process.wait()
    return share


def ticks(pid: int) -> int:
    """User and system time of a process, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def follower_share(folder: Path, seconds: float) -> float:
    """CPU share of what `recipes run` does with a bar four times a second and a logged step every second."""
    folder.mkdir()
    follower, stop = Follower(folder, 1), threading.Event()
    before, began = cpu(), time.monotonic()
    number = 0
    while time.monotonic() - began < seconds:
        number += 1
        follower.feed(b"\r 50%%|#####     | %d/40000 [10:00<10:00,  3.00s/it]" % number)
        if number % 4 == 0:
            with (folder / "trainer_log.jsonl").open("a") as file:
                file.write(json.dumps({"current_steps": number, "total_steps": 40000, "loss": 1.5, "lr": 1e-4}) + "\n")
            follower.tick()
        stop.wait(0.25)
    return (cpu() - before) / (time.monotonic() - began)


def spent() -> float:
    """CPU time of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        took = statistics.median(status_seconds(root / "many", options.rounds))
        logs, follow = logs_share(root / "one", options.seconds), follower_share(root / "two", options.seconds)
    kept = [took < 1, logs < 0.01, follow < 0.01]
    rows = (
        (f"recipes status, {RUNS:,} runs", f"{took * 1000:.0f} ms", "under 1 s"),
        ("recipes logs -f", f"{logs:.2%} of a core", "under 1 %"),
        ("following within recipes run", f"{follow:.2%} of a core", "under 1 %"),
    )
    for (what, cost, bar), good in zip(rows, kept, strict=True):
        print(f"{what:<32}{cost:>18}  {bar}: {'kept' if good else 'MISSED'}")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
