"""`recipes data check` against `datasets.map(apply_chat_template, tokenize=True)`, side by side, on all cores.

Rows are made up from the example data: every sentence of it in another order, names and numbers changed, so that no
two rows are equal. Wall time of whole commands; memory is the proportional set size (PSS) of the process and its
children, the highest of samples 50 ms apart. Their time does not count loading the file, only the map; CPU time is of
whole commands, and says more where the machine has other work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ("support.jsonl", "support-validation.jsonl", "reasoning.jsonl")
MODEL = "Qwen/Qwen3-4B"
DATASETS_SCRIPT = """
import sys, time
from datasets import load_dataset
from transformers import AutoTokenizer
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder("hybrid"))
rows = load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])


def encode(row):
    return tokenizer.apply_chat_template(row["messages"], tokenize=True, return_dict=True)


start = time.perf_counter()
encoded = rows.map(encode, num_proc=int(sys.argv[3]), remove_columns=rows.column_names)
print("seconds", time.perf_counter() - start, "tokens", sum(map(len, encoded["input_ids"][:1000])))
"""


@dataclass(frozen=True)
class BenchmarkResult:
    what: str
    rows: int
    seconds: float
    rate: float
    peak_mb: float
    cpu_seconds: float


def load_sentences() -> list[str]:
    texts: list[str] = []
    for name in SOURCES:
        for line in (ROOT / "examples" / "data" / name).read_text("utf-8").splitlines():
            for message in json.loads(line)["messages"]:
                texts += re.split(r"(?<=[.?!。])\s+", message["content"])
    return [text for text in texts if text and "think>" not in text]


def write_rows(path: Path, rows: int, max_sentences: int = 10) -> None:
    draw, said = random.Random(5), load_sentences()
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            messages = []
            for turn in range(draw.choice((1, 1, 2, 3) if max_sentences > 1 else (1,))):
                question = f"{' '.join(draw.choices(said, k=2))} ({number}-{turn})"
                answer = " ".join(draw.choices(said, k=draw.randint(min(2, max_sentences), max_sentences)))
                messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")


def list_process_tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        try:
            found += [int(c) for t in Path(f"/proc/{one}/task").iterdir() for c in (t / "children").read_text().split()]
        except OSError:
            continue
    return found


def read_proportional_memory(pid: int) -> int:
    """Bytes of memory, what is shared counted in parts; Linux only."""
    try:
        return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) * 1024  # type: ignore[index]
    except (OSError, TypeError):
        return 0


def read_child_cpu_seconds() -> float:
    """User and system seconds of every process that was started and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure_command(label: str, rows: int, command: list[str]) -> BenchmarkResult:
    start, peak, before = time.perf_counter(), 0, read_child_cpu_seconds()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=ROOT)
        while process.poll() is None:
            peak = max(peak, sum(map(read_proportional_memory, list_process_tree(process.pid))))
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        out.seek(0)
        errors.seek(0)
        said = out.read()
        if process.returncode not in (0, 1):
            raise SystemExit(f"{label} ended with {process.returncode}: {errors.read()[-2000:]}")
    if told := re.search(r"^seconds ([\d.]+)", said, re.M):
        seconds = float(told[1])
    return BenchmarkResult(label, rows, seconds, rows / seconds, peak / 1e6, read_child_cpu_seconds() - before)


def benchmark_recipes(path: Path, rows: int) -> BenchmarkResult:
    command = [sys.executable, "-m", "qwen_recipes", "data", "check", str(path), "--model", MODEL, "--format", "json"]
    return measure_command("recipes data check", rows, command)


def benchmark_datasets(path: Path, rows: int, folder: Path) -> BenchmarkResult:
    cores = len(os.sched_getaffinity(0))
    command = [sys.executable, "-c", DATASETS_SCRIPT, str(path), str(folder / "cache"), str(cores)]
    return measure_command("datasets.map(apply_chat_template)", rows, command)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument(
        "--many", type=int, default=0, help="memory: also a file of so many short rows, and one of a tenth"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "rows.jsonl"
        write_rows(path, options.rows)
        found = [benchmark_datasets(path, options.rows, folder), benchmark_recipes(path, options.rows)]
        if options.many:
            for rows in (options.many // 10, options.many):
                write_rows(path, rows, max_sentences=1)
                found.append(benchmark_recipes(path, rows))
    faster = found[0].seconds / found[1].seconds
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in found], "faster": faster}, indent=2))
    else:
        for row in found:
            speed = f"{row.seconds:>9.1f} s{row.rate:>9,.0f}/s{row.cpu_seconds:>9.1f} s of CPU"
            print(f"{row.what:<36}{row.rows:>10,} rows{speed}{row.peak_mb:>8,.0f} MB")
        kept = faster >= 3 and all(row.peak_mb <= 500 for row in found[1:])
        print(f"{faster:.1f} times faster; at least 3.0 and at most 500 MB: {'kept' if kept else 'MISSED'}")
    return 0 if faster >= 3 and all(row.peak_mb <= 500 for row in found[1:]) else 1


if __name__ == "__main__":
    sys.exit(main())
