"""What starting up and looking at one file cost, against a bare interpreter and check-jsonschema, side by side.

CPU time (user and system) of child processes; each round runs every command once, so that a busy machine slows all of
them alike. Medians over rounds. Ratios are what counts: seconds are this machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "examples" / "one-24gb-card.yaml"
SCHEMA = ROOT / "schemas" / "recipe.schema.json"
ITERATIONS = 1000
MANY = 300
"""Files that are linted in one call."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""With byte code kept, as it is for every installed package."""


@dataclass(frozen=True)
class BenchmarkRow:
    """One measurement: `cost` in seconds of CPU time (`rate` in recipes a second), `bar` what it has to keep to."""

    what: str
    cost: float
    against: str = ""
    ratio: float | None = None
    rate: float | None = None
    bar: str = ""
    kept: bool | None = None


def find_program(name: str) -> str:
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not installed; make bench installs it")
    return found


def measure_cpu_time(command: list[str], folder: Path) -> float:
    """User and system seconds of one run of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_medians(commands: dict[str, list[str]], rounds: int, folder: Path) -> dict[str, float]:
    """Median seconds of each command over interleaved rounds; a first one, which fills caches, is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for round_number in range(rounds + 1):
        for name, command in commands.items():
            seconds = measure_cpu_time(command, folder)
            if round_number:
                taken[name].append(seconds)
    return {name: statistics.median(times) for name, times in taken.items()}


def write_different_recipes(folder: Path) -> list[str]:
    """Files of recipes as a project has them: other names, rates, ranks and batches; their names."""
    text = RECIPE.read_text("utf-8")
    made = []
    for number in range(MANY):
        other = text.replace("rank: 32, alpha: 64", f"rank: {8 << number % 4}, alpha: 64")
        other = other.replace("batch_size: 16", f"batch_size: {(8, 16, 32)[number % 3]}")
        other = other.replace("learning_rate: 1e-4", f"learning_rate: {1 + number % 7}e-5")
        file = folder / f"{number}.recipe.yaml"
        file.write_text(f"{other}\nname: run-{number}\n", "utf-8")
        made.append(file.name)
    return made


def time_call(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def run_benchmarks(rounds: int) -> list[BenchmarkRow]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = shutil.copy(RECIPE, folder / "bench.recipe.yaml")
        schema = shutil.copy(SCHEMA, folder / "recipe.schema.json")
        recipes = find_program("recipes")
        commands = {
            "python": [sys.executable, "-c", "pass"],
            "version": [recipes, "--version"],
            "lint": [recipes, "lint", str(recipe)],
            "schema": [find_program("check-jsonschema"), "--schemafile", str(schema), str(recipe)],
            "plan": [recipes, "plan", str(recipe)],
            "compile": [recipes, "compile", str(recipe), "-o", str(folder / "compiled")],
        }
        took = measure_medians(commands, rounds, folder)
        (folder / "many").mkdir()
        files = write_different_recipes(folder / "many")
        each = ["--schemafile", str(schema)]
        many = {"lint many": [recipes, "lint", *files], "schema many": [commands["schema"][0], *each, *files]}
        took |= measure_medians(many, max(3, rounds // 4), folder / "many")
        plans = measure_plan_rate(max(3, rounds // 4), recipe)
    return build_rows(took, plans)


def measure_plan_rate(rounds: int, recipe: str) -> float:
    """Estimates of memory, time and disk of a resolved plan, a minute of CPU time."""
    from qwen_recipes.backends import load_backend
    from qwen_recipes.estimate import estimate_plan
    from qwen_recipes.gpus.catalogue import get_gpu_model
    from qwen_recipes.qwen.models import get_model_facts
    from qwen_recipes.recipe.load import load_recipe
    from qwen_recipes.resolve import resolve

    plan = resolve(load_recipe(recipe), load_backend("axolotl"))
    facts, gpu = get_model_facts(plan.model.id), get_gpu_model("rtx-4090")

    def once() -> object:
        made = estimate_plan(plan, facts, gpu)
        return made.check_fit(), made.tokens_per_second, made.disk, made.host_memory

    return statistics.median(
        60 * ITERATIONS / time_call(lambda: [once() for _ in range(ITERATIONS)]) for _ in range(rounds)
    )


def build_rows(seconds: dict[str, float], plan_rate: float) -> list[BenchmarkRow]:
    python, peer = seconds["python"], seconds["schema"]
    many = seconds["lint many"] / seconds["schema many"]
    version, lint, plan = seconds["version"] / python, seconds["lint"] / peer, seconds["plan"] / seconds["lint"]
    return [
        BenchmarkRow("python -c pass", python),
        BenchmarkRow(
            "recipes --version", seconds["version"], "python -c pass", version, bar="at most 4.0", kept=version <= 4
        ),
        BenchmarkRow("check-jsonschema, one file", peer, "python -c pass", peer / python),
        BenchmarkRow(
            "recipes lint, one file", seconds["lint"], "check-jsonschema", lint, bar="at most 0.85", kept=lint <= 0.85
        ),
        BenchmarkRow("recipes compile, one file", seconds["compile"], "check-jsonschema", seconds["compile"] / peer),
        BenchmarkRow(
            "recipes plan, one file", seconds["plan"], "recipes lint", plan, bar="at most 1.50", kept=plan <= 1.5
        ),
        BenchmarkRow(
            f"{ITERATIONS:,} plans",
            60 * ITERATIONS / plan_rate,
            rate=plan_rate / 60,
            bar="at least 1,667/s",
            kept=plan_rate >= 100_000,
        ),
        BenchmarkRow(f"check-jsonschema, {MANY} files", seconds["schema many"]),
        BenchmarkRow(
            f"recipes lint, {MANY} files",
            seconds["lint many"],
            "check-jsonschema",
            many,
            bar="at most 2.00",
            kept=many <= 2,
        ),
    ]


def format_table(measured_rows: list[BenchmarkRow]) -> str:
    lines = [f"{'':<28}{'CPU time':>10}  {'ratio':>6}  {'against':<18}bar"]
    for row in measured_rows:
        ratio = f"{row.rate:,.0f}/s" if row.rate else f"{row.ratio:.2f}" if row.ratio else ""
        verdict = "" if row.kept is None else f"{row.bar}: {'kept' if row.kept else 'MISSED'}"
        lines.append(f"{row.what:<28}{row.cost * 1000:>7.1f} ms  {ratio:>6}  {row.against:<18}{verdict}".rstrip())
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each command (default: 15)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    found = run_benchmarks(options.rounds)
    print(json.dumps([asdict(row) for row in found], indent=2) if options.json else format_table(found))
    return 0 if all(row.kept is not False for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
