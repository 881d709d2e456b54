"""`recipes data check` of this commit against that of an earlier one, side by side, on the same made rows.

The other commit is checked out and installed once, in `qwen-recipes-COMMIT` of the folder for temporary files (`make
.venv/ready` there, about five minutes); `--other` names the Python of an environment of one's own instead. Runs take
turns, so that other work on the machine slows both; CPU time is of whole commands, and says more than wall time there.

    python -m benchmarks.bench_data_versions --commit 2178e274 --jobs 1 --write FILE
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmarks.bench_data import MODEL, ROOT, BenchmarkResult, measure_command, write_rows

ALLOWED = 1.1
"""CPU time of this commit over the other's, at most."""


def prepare_commit(commit: str) -> str:
    """The Python of an environment with a commit of this repository; made where it is not there yet."""
    folder = Path(tempfile.gettempdir()) / f"qwen-recipes-{commit}"
    python = folder / ".venv" / "bin" / "python"
    if not (folder / ".venv" / "ready").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        subprocess.run(["git", "-C", str(folder), "checkout", "--quiet", commit], check=True)
        subprocess.run(["make", "-C", str(folder), ".venv/ready"], check=True, stdout=subprocess.DEVNULL)
    return str(python)


def read_commit(python: str) -> str:
    """The commit of the checkout that an environment's package is installed from."""
    code = "import qwen_recipes; print(qwen_recipes.__path__[0])"
    folder = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd="/").stdout.strip()
    command = ["git", "-C", folder, "rev-parse", "--short=8", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def measure_turns(pythons: dict[str, str], path: Path, rows: int, rounds: int, jobs: int) -> list[BenchmarkResult]:
    """One result a commit and round, in turns."""
    words = [
        "-m",
        "qwen_recipes",
        "data",
        "check",
        str(path),
        "--model",
        MODEL,
        "--format",
        "json",
        "--jobs",
        str(jobs),
    ]
    return [
        measure_command(commit, rows, [python, "-P", *words])
        for _ in range(rounds)
        for commit, python in pythons.items()
    ]


def main() -> int:
    """Exit code 1 where this commit takes more CPU time than ALLOWED times the other's, by medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", default="2178e274", help="the other commit. [default: %(default)s]")
    parser.add_argument("--other", help="Python of the other commit's environment, if it is there already")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", type=Path, help="file for the results, as JSON")
    options = parser.parse_args()
    other = options.other or prepare_commit(options.commit)
    pythons = {read_commit(python): python for python in (other, sys.executable)}
    if len(pythons) < 2:
        parser.error("both environments are of the same commit")
    before, now = pythons
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.jsonl"
        write_rows(path, options.rows)
        found = measure_turns(pythons, path, options.rows, options.rounds, options.jobs)
    medians = {c: statistics.median(one.cpu_seconds for one in found if one.what == c) for c in pythons}
    ratio = medians[now] / medians[before]
    result = {"date": date.today().isoformat(), "before": before, "now": now, "jobs": options.jobs,
              "cpu_seconds": medians, "ratio": ratio, "runs": [asdict(one) for one in found]}  # fmt: skip
    text = json.dumps(result, indent=2) + "\n"
    if options.write:
        options.write.write_text(text, "utf-8")
    print(text, end="")
    return 0 if ratio <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
