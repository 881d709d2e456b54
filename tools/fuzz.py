"""Feed `recipes` what no person writes, and tell each traceback, hang and blow-up.

Every input is read, resolved, judged and compiled for all backends in memory, in a forked process whose memory is
limited and which the kernel ends after two seconds of computing on one input. Number and seed give the same bytes while
examples and spec stay the same: `--seed S --only N` repeats one. Exits 1 where anything but RecipeError or
RecipeReadError came out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backends
from qwen_recipes.cli.console import REPORTERS
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.guards.fixes import fix_text
from qwen_recipes.guards.lint import lint_recipe, lint_text
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.recipe.read_file import RecipeReadError
from tools.fuzz_inputs import KINDS, make_input

EXAMPLES = Path(__file__).parent.parent / "examples"
NAME = "fuzz.recipe.yaml"
SECONDS = 2.0
MEBIBYTES = 512
SILENCE_LIMIT = 60.0


def run_input(content: bytes) -> str:
    """What becomes of one input: `refused`, `judged` (no backend supports it) or `compiled`."""
    try:
        loaded = load_recipe_text(content, NAME, EXAMPLES)
    except (RecipeError, RecipeReadError) as error:
        _check_error(error)
        return "refused"
    outcome = "judged"
    try:
        findings = lint_recipe(loaded, None)
        _render_findings(findings)
        if any(finding.fix for finding in findings):
            fix_text(loaded.document.text, lambda text: lint_text(text, NAME, EXAMPLES).findings, unsafe=True)
    except RecipeError as error:
        _check_error(error)
    for backend in load_backends():
        try:
            compile_recipe(loaded, backend, EXAMPLES / "compiled" / backend.name)
            outcome = "compiled"
        except (RecipeError, RecipeReadError) as error:
            _check_error(error)
    return outcome


def _check_error(error: Exception) -> None:
    if isinstance(error, RecipeError):
        if not error.findings:
            raise AssertionError("refused without a finding")
        _render_findings(error.findings)


def _render_findings(findings: Any) -> None:
    for report in REPORTERS.values():
        report(findings).encode()


@dataclass
class FuzzTally:
    """Outcomes by kind, what went wrong, and the most that an input took: seconds of CPU time, MiB of its process."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    memory: int = 0


def run_fuzz(seed: int, numbers: range) -> FuzzTally:
    """Drive every input; one that ends its process is noted, and a new process goes on behind it."""
    tally = FuzzTally()
    at = numbers.start
    while at < numbers.stop:
        at = _run_in_process(seed, range(at, numbers.stop), tally)
    return tally


def _run_in_process(seed: int, numbers: range, tally: FuzzTally) -> int:
    """Run until the inputs or the process end. The number to go on with."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_child(seed, numbers, writing)
        os._exit(0)
    os.close(writing)
    done = numbers.start
    for line in _read_lines(reading, child):
        _record_result(json.loads(line), tally)
        done += 1
    status = os.waitpid(child, 0)[1]
    if done < numbers.stop:
        ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
        why = f"more than {SECONDS} s" if ended in ("SIGPROF", "SIGKILL") else ended
        tally.failures.append({"number": done, "kind": make_input(seed, done)[0], "why": why})
        done += 1
    return done


def _read_lines(reading: int, child: int) -> Iterator[str]:
    """Lines of the child; a child that says nothing for long is ended."""
    import select

    rest = b""
    while True:
        if not select.select([reading], [], [], SILENCE_LIMIT)[0]:
            os.kill(child, signal.SIGKILL)
        chunk = os.read(reading, 65536)
        if not chunk:
            os.close(reading)
            return
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in whole)


def _run_child(seed: int, numbers: range, writing: int) -> None:
    limit = _read_virtual_memory() + MEBIBYTES * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in numbers:
        kind, content = make_input(seed, number)
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        said: dict[str, Any] = {"number": number, "kind": kind}
        try:
            said["outcome"] = run_input(content)
        except BaseException as error:
            said |= {"outcome": "failed", "why": type(error).__name__, "trace": traceback.format_exc()[-3000:]}
        signal.setitimer(signal.ITIMER_PROF, 0)
        said["seconds"] = round(time.process_time() - start, 4)
        said["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        os.write(writing, json.dumps(said).encode() + b"\n")


def _read_virtual_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _record_result(result: dict[str, Any], tally: FuzzTally) -> None:
    tally.outcomes[f"{result['kind']} {result['outcome']}"] += 1
    tally.slowest = max(tally.slowest, (result["seconds"], result["number"]))
    tally.memory = max(tally.memory, result["memory"])
    if result["outcome"] == "failed":
        tally.failures.append(result)


def _print_summary(tally: FuzzTally, seconds: float) -> None:
    outcomes = ("refused", "judged", "compiled", "failed")
    print(f"{'kind':<10}" + "".join(f"{name:>10}" for name in outcomes))
    for kind in KINDS:
        print(f"{kind:<10}" + "".join(f"{tally.outcomes[f'{kind} {name}']:>10,}" for name in outcomes))
    print(f"slowest input {tally.slowest[0]:.2f} s (number {tally.slowest[1]}), most memory {tally.memory} MiB")
    print(f"{sum(tally.outcomes.values()):,} inputs in {seconds:.0f} s, {len(tally.failures)} failures")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", type=int, metavar="N", help="drive input N here and now, and print it")
    args = parser.parse_args()
    if args.only is not None:
        kind, content = make_input(args.seed, args.only)
        print(kind, content[:2000])
        print(run_input(content))
        return 0
    load_backends()
    started = time.monotonic()
    tally = run_fuzz(args.seed, range(args.start, args.start + args.count))
    for failure in tally.failures:
        print(f"--seed {args.seed} --only {failure['number']} ({failure['kind']}): {failure['why']}")
        print(failure.get("trace", ""))
    _print_summary(tally, time.monotonic() - started)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
