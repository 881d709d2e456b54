"""Stand-ins for an environment, a framework and its checkpoints, for tests of `recipes run`."""

import contextlib
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from jsonschema import Draft202012Validator

from qwen_recipes.package_data import find_package_data

RECIPE = """\
version: 1
name: toy
model: Qwen/Qwen3-0.6B
data:
  train:
    - path: rows.jsonl
method: lora
training: {steps: 3}
hardware: {device: cpu}
run: {backend: llamafactory, environment: stand-in}
"""
PYTHON = """\
#!/bin/sh
case "$*" in
  *"/rows/__main__.py"*) [ -z "$STAND_IN_ROWS" ] || { echo "rows: no row is left to train on" >&2; exit 1; }
    echo "rows: 4 read, 4 train" >&2 ;;
  *sys.prefix*) printf '0.9.5\\n3.11\\n%s\\n' "$(cd "$(dirname "$0")/.." && pwd)" ;;
  *) echo '{"torch": "2.13.0", "llamafactory": "0.9.5"}' ;;
esac
"""
PRELUDE = """\
import json, os, signal, subprocess, sys, time
from pathlib import Path
out = Path("runs/toy")
def pids(*more):
    Path("pids").write_text(" ".join(map(str, (os.getpid(), *more))))
def save(steps=3, planned=3, name="adapter_model.safetensors"):
    history = [{"step": n, "loss": 3.0 - n / 2} for n in range(1, steps + 1)] + [{"step": steps, "eval_loss": 1.25}]
    state = {"global_step": steps, "max_steps": planned, "log_history": history}
    (out / "trainer_state.json").write_text(json.dumps(state))
    if name:
        (out / name).write_bytes((2).to_bytes(8, "little") + b"{}")
"""
STUBBORN = """\
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: print("not yet", flush=True))
worker = "import signal, time\\nfor n in (2, 15, 1): signal.signal(n, signal.SIG_IGN)\\ntime.sleep(100)"
apart = subprocess.Popen([sys.executable, "-c", worker], start_new_session=True)
near = subprocess.Popen([sys.executable, "-c", worker])
time.sleep(0.3)
pids(apart.pid, near.pid)
print("ready", flush=True)
while True:
    time.sleep(100)
"""
SAVES_AND_EXITS_0 = """\
signal.signal(signal.SIGINT, lambda *_: (save(steps=1), sys.exit(0)))
pids()
print("ready", flush=True)
time.sleep(100)
"""
FAILS = """\
print("loading", flush=True)
sys.stderr.write("\\r 50%|#####     | 1/2 [00:01<00:01,  1.00s/it]")
def deep():
    raise ValueError("the weights are torn\\nsecond line")
deep()
"""


def framework(place, body):
    path = place / "stand-in" / "bin" / "llamafactory-cli"
    path.write_text(f"#!{sys.executable}\n{PRELUDE}{body}\n")
    path.chmod(0o755)


def started(place, *arguments, shown=True, **variables):
    command = [
        sys.executable,
        "-c",
        "from qwen_recipes.cli import main; main()",
        "run",
        "toy.yaml",
        *["-v"] * shown,
        *arguments,
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    source = {"PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(command, cwd=place, env={**os.environ, **source, **variables}, **pipes)


def recipes_run(place, *arguments, shown=True, **variables):
    process = started(place, *arguments, shown=shown, **variables)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


def ready(process):
    """Wait until the stand-in framework is at work."""
    for line in process.stdout:
        if line == b"ready\n":
            return
    raise AssertionError(process.stderr.read().decode())


def record(place):
    data = json.loads((place / "runs/toy/run.json").read_text())
    schema = json.loads((find_package_data("schemas") / "run.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(data)
    return data


def ended(place):
    """The record, once the supervisor has had its last word."""
    for _ in range(100):
        if (made := record(place))["status"] != "running":
            return made
        time.sleep(0.1)
    raise AssertionError("the record still says running")


def alive(place):
    """Which of the stand-in's processes are there and no zombies, after a moment for the last one to go."""
    every = [int(pid) for pid in (place / "pids").read_text().split()]
    for _ in range(50):
        left = [pid for pid in every if _living(pid)]
        if not left:
            return []
        time.sleep(0.1)
    return left


def _living(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def weights(path, size=16):
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))


def saved(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", "x" * 100)


def checkpoint(output, step):
    folder = output / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    weights(folder / "adapter_model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        saved(folder / name)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return folder


def cut(path, by=3):
    path.write_bytes(path.read_bytes()[:-by])
