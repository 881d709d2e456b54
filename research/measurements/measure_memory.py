"""Measure the cells of cells.json: peak memory and speed of training, one worker process on each GPU.

    python research/measurements/measure_memory.py CELLS OUT [--sites FOLDER] [--gpus 2] [--minutes 9] [--stack plain]

Appends one JSON line a cell to OUT/memory.jsonl and goes on where that file ends. `--sites` holds the packages, as in
measure_strategies.py. A worker stays as long as it frees what it took; one that keeps memory, hangs or dies is
replaced.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from memory_cell_recipes import compile_cell, write_model

HERE = Path(__file__).resolve().parent
LIMIT_S = 75
LEFTOVER_BYTES = 256 * 2**20
"""More than this left after a cell, and the worker is replaced."""
SITES = {"plain": ("current", "recipes"), "llamafactory": ("llamafactory", "current", "recipes")}
MemoryCell = dict[str, Any]
ProcessKind = tuple[str, bool]


def process_kind(cell: MemoryCell) -> ProcessKind:
    """Cells of one kind may share a process."""
    return cell["stack"], cell["liger"]


class MemoryWorker:
    """A process of memory_worker.py on one GPU."""

    def __init__(self, kind: ProcessKind, gpu: int, environment: dict[str, str], out: Path) -> None:
        self.kind = kind
        command = [sys.executable, str(HERE / "memory_worker.py"), kind[0], "liger" if kind[1] else "plain", str(out)]
        self.log = (out / f"worker{gpu}.log").open("a")
        self.process = subprocess.Popen(
            command,
            env={**environment, "CUDA_VISIBLE_DEVICES": str(gpu)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def measure_cell(self, cell: MemoryCell, limit_s: float) -> dict[str, Any] | None:
        """Its result, or None where the process died or had to be ended."""
        timer = threading.Timer(limit_s, self.process.kill)
        timer.start()
        try:
            assert self.process.stdin and self.process.stdout
            self.process.stdin.write(json.dumps(cell) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        return json.loads(line) if line else None

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


class MemoryMeasurement:
    """Cells, worked through by a thread a GPU."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.out: Path = arguments.out
        self.results = self.out / "memory.jsonl"
        self.deadline = time.monotonic() + arguments.minutes * 60
        self.lock = threading.Lock()
        lines = self.results.read_text("utf-8").splitlines() if self.results.is_file() else []
        done = {json.loads(line)["id"] for line in lines}
        cells: list[MemoryCell] = json.loads(arguments.cells.read_text("utf-8"))
        self.pending = [c for c in cells if c["id"] not in done and arguments.stack in ("all", c["stack"])]
        self.pool = ThreadPoolExecutor(4)
        self.models: dict[str, Any] = {}

    def build_environment(self, stack: str) -> dict[str, str]:
        """Packages of the stack, and no network."""
        sites: Path | None = self.arguments.sites
        folders = [HERE.parent.parent, *((sites / part for part in SITES[stack]) if sites else ())]
        path = os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1"}

    def prepare_models(self) -> None:
        """Models on disk for the framework's cells, while others are measured."""
        sizes = sorted({c["size"] for c in self.pending if c["stack"] == "llamafactory"})
        for size in sizes:
            self.models[size] = self.pool.submit(write_model, size, self.out, self.build_environment("llamafactory"))

    def take_cell(self, kind: ProcessKind | None) -> MemoryCell | None:
        """The next cell, of the running process's kind where there is one; the framework's last."""
        with self.lock:
            if not self.pending or time.monotonic() > self.deadline:
                return None
            same = [c for c in self.pending if process_kind(c) == kind]
            cell = (same or sorted(self.pending, key=lambda c: (c["stack"] != "plain", c["liger"])))[0]
            self.pending.remove(cell)
            return cell

    def run_worker(self, gpu: int) -> None:
        worker: MemoryWorker | None = None
        while cell := self.take_cell(worker.kind if worker else ("plain", bool(gpu % 2))):
            if worker and worker.kind != process_kind(cell):
                worker.stop()
                worker = None
            result = self.prepare_cell(cell)
            if result is None:
                worker = worker or MemoryWorker(
                    process_kind(cell), gpu, self.build_environment(cell["stack"]), self.out
                )
                limit = min(LIMIT_S, max(20, self.deadline - time.monotonic() + 25))
                result = worker.measure_cell(cell, limit) or {
                    "outcome": "time limit" if limit == LIMIT_S else "cut off"
                }
                if result.get("reserved_after", LEFTOVER_BYTES + 1) > LEFTOVER_BYTES:
                    worker.stop()
                    worker = None
            self.save_result(cell, result)
        if worker:
            worker.stop()

    def prepare_cell(self, cell: MemoryCell) -> dict[str, Any] | None:
        """None where it can be measured; else why not. The framework's cells are compiled here."""
        if cell["stack"] == "plain":
            return None
        model = self.models[cell["size"]].result()
        problem = compile_cell(cell, model, self.out, self.build_environment("plain"))
        return {"outcome": "refused", "error": problem} if problem else None

    def save_result(self, cell: MemoryCell, result: dict[str, Any]) -> None:
        shown = {k: v for k, v in cell.items() if k not in ("config", "folder")}
        whole = shown | result | {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d")}
        with self.lock:
            if result["outcome"] != "cut off":
                with self.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(whole) + "\n")
            gib = f"{result.get('peak_reserved', 0) / 2**30:.2f} GiB, first thought {cell['estimate_gib']}"
            speed = f"{result.get('tokens_per_second')} tokens/s, {result.get('seconds')} s"
            print(f"{cell['id']}: {result['outcome']}, {gib}, {speed} {result.get('error', '')[:200]}", flush=True)

    def run(self) -> None:
        self.prepare_models()
        first, count = self.arguments.first, self.arguments.gpus
        threads = [threading.Thread(target=self.run_worker, args=(gpu,)) for gpu in range(first, first + count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.pool.shutdown(wait=False, cancel_futures=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=lambda text: Path(text).resolve())
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve())
    parser.add_argument("--gpus", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first GPU")
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--stack", default="all", choices=("all", "plain", "llamafactory"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    MemoryMeasurement(arguments).run()


if __name__ == "__main__":
    main()
