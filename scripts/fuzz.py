"""Feed `recipes` what no person writes, and tell each traceback, hang and blow-up.

Every input is read, resolved, judged and compiled for all backends in memory, in a forked process whose memory is
limited and which the kernel ends after two seconds of computing on one input. Number and seed give the same bytes while
examples and spec stay the same: `--seed S --only N` repeats one. Exits 1 where anything but RecipeError or
CannotRead came out.
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

from fuzz_inputs import KINDS, make

from qwen_recipes.backends import backends
from qwen_recipes.cli.report import REPORTERS
from qwen_recipes.compile import compile_for
from qwen_recipes.guards.fixes import fix_text
from qwen_recipes.guards.lint import judge_recipe, lint_text
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.load import CannotRead, load_text

EXAMPLES = Path(__file__).parent.parent / "examples"
NAME = "fuzz.recipe.yaml"
SECONDS = 2.0
MEBIBYTES = 512
GRACE = 60.0


def drive(content: bytes) -> str:
    """What becomes of one input: `refused`, `judged` (no backend can be told it) or `compiled`."""
    try:
        loaded = load_text(content, NAME, EXAMPLES)
    except (RecipeError, CannotRead) as error:
        _report(error)
        return "refused"
    outcome = "judged"
    try:
        findings = judge_recipe(loaded, None)
        _shown(findings)
        if any(finding.fix for finding in findings):
            fix_text(loaded.document.text, lambda text: lint_text(text, NAME, EXAMPLES), unsafe=True)
    except RecipeError as error:
        _report(error)
    for backend in backends():
        try:
            compile_for(loaded, backend, EXAMPLES / "compiled" / backend.name)
            outcome = "compiled"
        except (RecipeError, CannotRead) as error:
            _report(error)
    return outcome


def _report(error: Exception) -> None:
    if isinstance(error, RecipeError):
        if not error.findings:
            raise AssertionError("refused without a finding")
        _shown(error.findings)


def _shown(findings: Any) -> None:
    for report in REPORTERS.values():
        report(findings).encode()


@dataclass
class Tally:
    """Outcomes by kind, what went wrong, and the most that an input took: seconds of CPU time, MiB of its process."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    memory: int = 0


def fuzz(seed: int, numbers: range) -> Tally:
    """Drive every input; one that ends its process is noted, and a new process goes on behind it."""
    tally = Tally()
    at = numbers.start
    while at < numbers.stop:
        at = _one_process(seed, range(at, numbers.stop), tally)
    return tally


def _one_process(seed: int, numbers: range, tally: Tally) -> int:
    """Run until the inputs or the process end. The number to go on with."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(seed, numbers, writing)
        os._exit(0)
    os.close(writing)
    done = numbers.start
    for line in _lines(reading, child):
        _note(json.loads(line), tally)
        done += 1
    status = os.waitpid(child, 0)[1]
    if done < numbers.stop:
        ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
        why = f"more than {SECONDS} s" if ended in ("SIGPROF", "SIGKILL") else ended
        tally.failures.append({"number": done, "kind": make(seed, done)[0], "why": why})
        done += 1
    return done


def _lines(reading: int, child: int) -> Iterator[str]:
    """Lines of the child; a child that says nothing for long is ended."""
    import select

    rest = b""
    while True:
        if not select.select([reading], [], [], GRACE)[0]:
            os.kill(child, signal.SIGKILL)
        chunk = os.read(reading, 65536)
        if not chunk:
            os.close(reading)
            return
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in whole)


def _work(seed: int, numbers: range, writing: int) -> None:
    limit = _virtual_memory() + MEBIBYTES * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in numbers:
        kind, content = make(seed, number)
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        said: dict[str, Any] = {"number": number, "kind": kind}
        try:
            said["outcome"] = drive(content)
        except BaseException as error:
            said |= {"outcome": "failed", "why": type(error).__name__, "trace": traceback.format_exc()[-3000:]}
        signal.setitimer(signal.ITIMER_PROF, 0)
        said["seconds"] = round(time.process_time() - start, 4)
        said["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        os.write(writing, json.dumps(said).encode() + b"\n")


def _virtual_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _note(said: dict[str, Any], tally: Tally) -> None:
    tally.outcomes[f"{said['kind']} {said['outcome']}"] += 1
    tally.slowest = max(tally.slowest, (said["seconds"], said["number"]))
    tally.memory = max(tally.memory, said["memory"])
    if said["outcome"] == "failed":
        tally.failures.append(said)


def _print(tally: Tally, seconds: float) -> None:
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
        kind, content = make(args.seed, args.only)
        print(kind, content[:2000])
        print(drive(content))
        return 0
    backends()
    started = time.monotonic()
    tally = fuzz(args.seed, range(args.start, args.start + args.count))
    for failure in tally.failures:
        print(f"--seed {args.seed} --only {failure['number']} ({failure['kind']}): {failure['why']}")
        print(failure.get("trace", ""))
    _print(tally, time.monotonic() - started)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
