"""The quickstart's training by one framework against another: `recipes run`, side by side, on the CPU.

Each round runs every framework once, in turn, from the compiled files to the trained adapter, so that a busy machine
slows all of them alike. CPU time is that of every process below `recipes run`; wall time is printed too. With
`--environments` each framework's environment is built in an empty folder first, once, and timed: it needs the network.
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
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from examples.quickstart import prepare

QUICKSTART = Path(prepare.__file__).parent
PROGRAM = [sys.executable, "-c", "from qwen_recipes.cli import main; main()"]


@dataclass(frozen=True)
class Timing:
    """Seconds of one command: by the clock, and of the processors."""

    wall: float
    cpu: float


def time_command(*words: str) -> Timing:
    """Run `recipes` with these words. Raises SystemExit with what it said where it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"recipes {' '.join(words)}: exit {done.returncode}\n{done.stderr}")
    return Timing(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def time_training(backend: str, folder: Path) -> Timing:
    """One run of the quickstart, in a folder of its own."""
    recipe = str(QUICKSTART / "quickstart.yaml")
    sets = (f"run.backend={backend}", f"output.dir={folder / 'run'}")
    words = [word for one in sets for word in ("--set", one)]
    return time_command("run", recipe, *words, "-o", str(folder / "compiled"), "-q")


def time_environment(backend: str, folder: Path) -> Timing:
    """The environment, built where nothing is."""
    os.environ["QWEN_RECIPES_HOME"] = str(folder)
    try:
        return time_command("env", "create", backend, "--device", "cpu")
    finally:
        del os.environ["QWEN_RECIPES_HOME"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backends", nargs="*", default=["llamafactory", "trl"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", action="store_true", help="build the environments too, in empty folders")
    parser.add_argument("--json", type=Path, help="write the timings to this file")
    options = parser.parse_args()
    prepare.main()
    results: dict[str, dict[str, list[Timing]]] = {name: {"training": []} for name in options.backends}
    for _ in range(options.rounds):
        for backend, timings in results.items():
            with tempfile.TemporaryDirectory() as folder:
                timings["training"].append(time_training(backend, Path(folder)))
    for backend, timings in results.items() if options.environments else ():
        with tempfile.TemporaryDirectory() as folder:
            timings["environment"] = [time_environment(backend, Path(folder))]
    print_timings(results)
    if options.json:
        made = {
            name: {what: [asdict(one) for one in of] for what, of in parts.items()} for name, parts in results.items()
        }
        options.json.write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    return 0


def print_timings(results: dict[str, dict[str, list[Timing]]]) -> None:
    """Medians, and their ratio to the first framework's."""
    first = next(iter(results.values()))
    for what in first:
        for backend, parts in results.items():
            wall, cpu = (statistics.median(getattr(one, kind) for one in parts[what]) for kind in ("wall", "cpu"))
            base = [statistics.median(getattr(one, kind) for one in first[what]) for kind in ("wall", "cpu")]
            ratio = f"{wall / base[0]:.2f} wall, {cpu / base[1]:.2f} CPU"
            print(f"{what:12} {backend:14} {wall:7.1f} s wall {cpu:7.1f} s CPU   {ratio}")


if __name__ == "__main__":
    sys.exit(main())
