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

from qwen_recipes.runs.metrics import StepMetrics, append_metrics
from qwen_recipes.runs.progress import ProgressReader

RUNS = 1000
PROGRAM = [sys.executable, "-c", "from qwen_recipes.cli import main; main()"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def write_run_record(folder: Path, number: int, status: str) -> None:
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
            append_metrics(folder, StepMetrics(step, 400, loss=3 / step, learning_rate=1e-4, seconds=step * 2.0))


def measure_status_time(root: Path, rounds: int) -> list[float]:
    for number in range(RUNS):
        write_run_record(
            root / f"group-{number // 100}" / f"run-{number}", number, "finished" if number % 10 else "running"
        )
    taken = []
    for _ in range(rounds + 1):
        began = read_child_cpu_seconds()
        done = subprocess.run([*PROGRAM, "status", str(root)], capture_output=True, env=ENVIRONMENT)
        taken.append(read_child_cpu_seconds() - began)
        assert done.returncode == 0 and len(done.stdout.splitlines()) == RUNS + 1, done.stderr
    return taken[1:]


def measure_logs_cpu_share(folder: Path, seconds: float) -> float:
    """CPU share of `recipes logs -f` on a log that grows by a bar four times a second, after its start."""
    write_run_record(folder, 1, "running")
    log = folder / "run.log"
    log.write_bytes(b"")
    process = subprocess.Popen([*PROGRAM, "logs", "-f", str(folder)], stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    time.sleep(3)
    before = read_cpu_ticks(process.pid)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with log.open("ab") as file:
            file.write(b"\r 50%|#####     | 200/400 [10:00<10:00,  3.00s/it]")
        time.sleep(0.25)
    share = (read_cpu_ticks(process.pid) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    process.kill()
    process.wait()
    return share


def read_cpu_ticks(pid: int) -> int:
    """User and system time of a process, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def measure_progress_cpu_share(folder: Path, seconds: float) -> float:
    """CPU share of what `recipes run` does with a bar four times a second and a logged step every second."""
    folder.mkdir()
    follower, stop = ProgressReader(folder, 1), threading.Event()
    before, began = read_own_cpu_seconds(), time.monotonic()
    number = 0
    while time.monotonic() - began < seconds:
        number += 1
        follower.feed(b"\r 50%%|#####     | %d/40000 [10:00<10:00,  3.00s/it]" % number)
        if number % 4 == 0:
            with (folder / "trainer_log.jsonl").open("a") as file:
                file.write(json.dumps({"current_steps": number, "total_steps": 40000, "loss": 1.5, "lr": 1e-4}) + "\n")
            follower.tick()
        stop.wait(0.25)
    return (read_own_cpu_seconds() - before) / (time.monotonic() - began)


def read_child_cpu_seconds() -> float:
    """CPU time of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_own_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        took = statistics.median(measure_status_time(root / "many", options.rounds))
        logs, follow = (
            measure_logs_cpu_share(root / "one", options.seconds),
            measure_progress_cpu_share(root / "two", options.seconds),
        )
    kept = [took < 1, logs < 0.01, follow < 0.01]
    rows = (
        (f"recipes status, {RUNS:,} runs", f"{took * 1000:.0f} ms", "under 1 s"),
        ("recipes logs -f", f"{logs:.2%} of a core", "under 1%"),
        ("following within recipes run", f"{follow:.2%} of a core", "under 1%"),
    )
    for (what, cost, bar), good in zip(rows, kept, strict=True):
        print(f"{what:<32}{cost:>18}  {bar}: {'kept' if good else 'MISSED'}")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
