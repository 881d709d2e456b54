"""Time to read each kind of input, from 0.25 to 4 MB, each twice as large as the one before.

    python -m benchmarks.bench_reading [--sizes 0.25 0.5 1 2 4] [--kind NAME] [--json]
    python -m benchmarks.bench_reading --write research/measurements/results/reading.json

Exits 1 where the time grows faster than the size: where the slope of log(time) over log(size) is above MAX_SLOPE. The
limits that would stop such inputs are lifted. Times are CPU times, the smallest of two.

SECURITY.md is filled from the file that `--write` makes (`python -m tools.generate_docs`): write it on a machine that
does nothing else, since a busy one bends the slopes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

MAX_SLOPE = 1.35
ROUNDS = 2
LIFTED = ("RECIPE", "TEMPLATE", "CONFIG", "NATIVE_CONFIG", "RECORD", "LOG", "SETTINGS")
ROW = json.dumps({"messages": [{"role": "user", "content": "q" * 80}, {"role": "assistant", "content": "a" * 200}]})
CONFIG = {
    "model_type": "qwen3", "num_hidden_layers": 4, "hidden_size": 64, "num_attention_heads": 4,
    "intermediate_size": 128, "vocab_size": 151_936, "max_position_embeddings": 40_960,
}  # fmt: skip
AXOLOTL = "base_model: x\nadapter: lora\n"
ADAPTER = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}


class Kind(NamedTuple):
    """An input: how a file of about `size` bytes is made, and what reads it."""

    file: str
    make: Callable[[int], str]
    read: Callable[[Path], object]
    encoding: str = "utf-8"


def repeat(piece: str, size: int) -> str:
    return piece * max(1, size // len(piece))


def number(line: str, size: int) -> str:
    """Lines with their number put in for `#`."""
    return "\n".join(line.replace("#", str(n)) for n in range(max(1, size // (len(line) + 6)))) + "\n"


def fill(config: dict[str, object], size: int) -> str:
    return json.dumps({**config, "more": [{"a": n, "b": "text"} for n in range(size // 26)]})


def read_rows(path: Path) -> int:
    from qwen_recipes.data.rows.row_reader import read_file_rows

    return sum(1 for _ in read_file_rows(path))


def read_recipe(path: Path) -> object:
    from qwen_recipes.yaml_text import reader

    return reader.read_yaml(path.read_bytes(), str(path))


def read_native(path: Path) -> object:
    from qwen_recipes.guards.native.lint_native import lint_native

    return lint_native(path)


def read_template(path: Path) -> object:
    from qwen_recipes.filesystem.read_file import read_text
    from qwen_recipes.qwen.template_process import TemplateProcess

    process, began = TemplateProcess(), os.times()
    try:
        process.compile(read_text(path, "template"))
    finally:
        if process.process is not None and process.process.stdin is not None:
            process.process.stdin.close()
            process.process.wait()
    ended = os.times()
    return ended.children_user + ended.children_system - began.children_user - began.children_system


def read_model(path: Path) -> object:
    from qwen_recipes.qwen.model_folder import read_model_facts

    return read_model_facts(path.parent, "m")


def read_adapter(path: Path) -> object:
    from qwen_recipes.qwen.adapter_folder import read_adapter_facts

    (path.parent / "adapter_model.safetensors").touch()
    return read_adapter_facts(path.parent)


def read_run_record(path: Path) -> object:
    from qwen_recipes.filesystem.read_file import read_json

    return read_json(path, "record")


def read_curve(path: Path) -> object:
    from qwen_recipes.runs.metrics import read_metrics

    return read_metrics(path.parent)


def follow_log(path: Path) -> object:
    from qwen_recipes.runs.progress import ProgressReader

    follower = ProgressReader(path.parent / "absent", 1)
    with path.open("rb") as file:
        while chunk := file.read(1 << 16):
            follower.feed(chunk)
    return follower.progress


def read_log(path: Path) -> object:
    from qwen_recipes.runs.trainer_logs import read_losses

    return read_losses(path.parent, path)


KINDS = {
    "recipe YAML": Kind("r.yaml", lambda size: number("key_#: [a, {b: 1}]", size), read_recipe),
    "JSONL": Kind("r.jsonl", lambda size: repeat(ROW + "\n", size), read_rows),
    "JSONL, one line": Kind("r.jsonl", lambda size: '{"text": "' + "x" * size + '"}\n', read_rows),
    "CSV": Kind("r.csv", lambda size: "prompt,completion\n" + repeat('q,"a ""b"" c"\n', size), read_rows),
    "CSV, blank lines": Kind("r.csv", lambda size: "prompt,completion\n" + repeat("q,a\n\n\r\n \n", size), read_rows),
    "CSV, quoted blank lines": Kind("r.csv", lambda size: 'prompt,completion\n"' + "\n" * size + '",a\n', read_rows),
    "JSONL, blank lines": Kind("r.jsonl", lambda size: "\n" * size + ROW + "\n", read_rows),
    "JSONL in UTF-16, blank lines": Kind("r.jsonl", lambda size: "\n" * size + ROW + "\n", read_rows, "utf-16"),
    "JSON, blanks": Kind("r.json", lambda size: " " * size + repeat("\n\n" + ROW + "\n\n", 1 << 20), read_rows),
    "JSON": Kind("r.json", lambda size: "[" + repeat(ROW + ",", size) + ROW + "]", read_rows),
    "JSON, one value": Kind("r.json", lambda size: '[{"text": [' + repeat('"x",', size) + '"x"]}]', read_rows),
    "template": Kind("t.jinja", lambda size: repeat("some text {{ messages }}" + "x" * 1000, size), read_template),
    "model config": Kind("config.json", lambda size: fill(CONFIG, size), read_model),
    "adapter config": Kind("adapter_config.json", lambda size: fill(ADAPTER, size), read_adapter),
    "record": Kind("run.json", lambda size: fill({"status": "finished"}, size), read_run_record),
    "curve": Kind("metrics.jsonl", lambda size: number('{"step": #, "loss": 2.5}', size), read_curve),
    "log": Kind("run.log", lambda size: repeat("{'loss': 2.5, 'epoch': 1}\n", size), read_log),
    "log, one line": Kind("run.log", lambda size: repeat("1%|{'loss': ", size), follow_log),
    "Axolotl YAML": Kind("a.yaml", lambda size: "base_model: x\n" + number("lora_r: 8 # #", size), read_native),
    "Axolotl YAML, unknown keys": Kind(
        "a.yaml", lambda size: AXOLOTL + number("learning_rat#: 1e-4", size), read_native
    ),
    "Axolotl YAML, nested keys": Kind(
        "a.yaml", lambda size: f"{AXOLOTL}rl: dpo\ndatasets:\n" + number("  - {path: d#, typ: x}", size), read_native
    ),
    "LLaMA-Factory JSON": Kind(
        "a.json",
        lambda size: '{"stage": "sft", "template": "qwen3"\n' + number(', "rank#": 1', size) + "}",
        read_native,
    ),
    "script, many commands": Kind(
        "a.sh",
        lambda size: number("swift sft --model x --lora_rank # --output_dir runs/with/a/long/name/#", size),
        read_native,
    ),
    "script, many mistakes": Kind(
        "a.sh",
        lambda size: number("llamafactory-cli train --stage sft --lora_rang # --output_dir a/long/name", size),
        read_native,
    ),
    "script, many flags": Kind(
        "a.sh", lambda size: "swift sft \\\n" + number("  --lora_rang# 8 \\", size), read_native
    ),
    "script, variables": Kind(
        "a.sh",
        lambda size: number("V#=$V\nARGUMENTS+=(--lora_rank #)", size) + 'swift sft "${ARGUMENTS[@]}"\n',
        read_native,
    ),
    "script": Kind("a.sh", lambda size: "swift sft \\\n" + repeat("  --lora_rank 8 \\\n", size), read_native),
}


def measure(kind: Kind, size: int, rounds: int = 3) -> float:
    """Seconds of the processor to read a file of `size` bytes; the smallest of a few rounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / kind.file
        path.write_text(kind.make(size), kind.encoding, newline="")
        return min(_time_once(kind, path) for _ in range(rounds))


def _time_once(kind: Kind, path: Path) -> float:
    began = time.process_time()
    found = kind.read(path)
    return found if isinstance(found, float) else time.process_time() - began


def compute_slope(times: dict[int, float]) -> float:
    """By how much the logarithm of the time grows with that of the size, from the smallest to the largest."""
    small, large = min(times), max(times)
    return math.log(max(times[large], 1e-4) / max(times[small], 1e-4)) / math.log(large / small)


def lift_limits() -> None:
    """Let inputs of any size be read: before anything of the package is imported."""
    os.environ.update({f"RECIPES_MAX_{kind}_MIB": "4096" for kind in LIFTED})
    os.environ.update(RECIPES_TEMPLATE_SECONDS="900", RECIPES_TEMPLATE_MIB="8192", RECIPES_MAX_ROW_MIB="64")
    from qwen_recipes.yaml_text import reader

    reader.MAX_NODES = 10**9


@dataclass(frozen=True)
class ReadingTimes:
    """CPU seconds to read one kind of input, by its size in bytes, and the slope of their logarithms."""

    kind: str
    seconds: dict[int, float]
    slope: float


def measure_kinds(names: list[str], sizes: list[int]) -> Iterator[ReadingTimes]:
    """One result for each kind; `sizes` in bytes."""
    for name in names:
        seconds = {size: measure(KINDS[name], size, ROUNDS) for size in sizes}
        yield ReadingTimes(name, seconds, compute_slope(seconds))


def format_times(times: ReadingTimes) -> str:
    shown = "  ".join(f"{seconds:8.3f}" for seconds in times.seconds.values())
    return f"{times.kind:28} {shown}  slope {times.slope:.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.25, 0.5, 1, 2, 4], help="in MB")
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", type=Path, help="file for the results, as JSON")
    options = parser.parse_args()
    lift_limits()
    found = []
    for times in measure_kinds(options.kind or list(KINDS), [int(size * 1e6) for size in options.sizes]):
        found.append(times)
        if not options.json:
            print(format_times(times), flush=True)
    record = {"date": date.today().isoformat(), "max_slope": MAX_SLOPE, "kinds": [asdict(times) for times in found]}
    text = json.dumps(record, indent=2) + "\n"
    if options.write:
        options.write.write_text(text, "utf-8")
    if options.json:
        print(text, end="")
    return int(any(times.slope > MAX_SLOPE for times in found))


if __name__ == "__main__":
    sys.exit(main())
