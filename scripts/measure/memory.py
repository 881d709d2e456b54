"""Measure the cells of cells.json: peak memory and speed of training, one worker process on each GPU.

    python scripts/measure/memory.py CELLS OUT [--sites FOLDER] [--gpus 2] [--minutes 9] [--stack plain]

Appends one JSON line a cell to OUT/memory.jsonl and goes on where that file ends. `--sites` holds the packages, as in
strategies.py. A worker stays as long as it frees what it took; one that keeps memory, hangs or dies is replaced.
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

from memory_recipes import compiled, models

HERE = Path(__file__).resolve().parent
LIMIT_S = 75
KEPT_BYTES = 256 * 2**20
"""More than this left after a cell, and the worker is replaced."""
SITES = {"plain": ("current", "recipes"), "llamafactory": ("llamafactory", "current", "recipes")}
Cell = dict[str, Any]
Kind = tuple[str, bool]


def kind_of(cell: Cell) -> Kind:
    """Cells of one kind may share a process."""
    return cell["stack"], cell["liger"]


class Worker:
    """A process of memory_cell.py on one GPU."""

    def __init__(self, kind: Kind, gpu: int, environment: dict[str, str], out: Path) -> None:
        self.kind = kind
        command = [sys.executable, str(HERE / "memory_cell.py"), kind[0], "liger" if kind[1] else "plain", str(out)]
        self.log = (out / f"worker{gpu}.log").open("a")
        self.process = subprocess.Popen(
            command,
            env={**environment, "CUDA_VISIBLE_DEVICES": str(gpu)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def measure(self, cell: Cell, limit_s: float) -> dict[str, Any] | None:
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

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


class Measuring:
    """Cells, worked through by a thread a GPU."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.out: Path = arguments.out
        self.results = self.out / "memory.jsonl"
        self.ends = time.monotonic() + arguments.minutes * 60
        self.lock = threading.Lock()
        lines = self.results.read_text("utf-8").splitlines() if self.results.is_file() else []
        done = {json.loads(line)["id"] for line in lines}
        cells: list[Cell] = json.loads(arguments.cells.read_text("utf-8"))
        self.waiting = [c for c in cells if c["id"] not in done and arguments.stack in ("all", c["stack"])]
        self.pool = ThreadPoolExecutor(4)
        self.models: dict[str, Any] = {}

    def environment(self, stack: str) -> dict[str, str]:
        """Packages of the stack, and no network."""
        sites: Path | None = self.arguments.sites
        folders = [HERE.parent.parent, *((sites / part for part in SITES[stack]) if sites else ())]
        path = os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1"}

    def prepare(self) -> None:
        """Models on disk for the framework's cells, while others are measured."""
        sizes = sorted({c["size"] for c in self.waiting if c["stack"] == "llamafactory"})
        for size in sizes:
            self.models[size] = self.pool.submit(models, size, self.out, self.environment("llamafactory"))

    def take(self, kind: Kind | None) -> Cell | None:
        """The next cell, of the running process's kind where there is one; the framework's last."""
        with self.lock:
            if not self.waiting or time.monotonic() > self.ends:
                return None
            same = [c for c in self.waiting if kind_of(c) == kind]
            cell = (same or sorted(self.waiting, key=lambda c: (c["stack"] != "plain", c["liger"])))[0]
            self.waiting.remove(cell)
            return cell

    def work(self, gpu: int) -> None:
        worker: Worker | None = None
        while cell := self.take(worker.kind if worker else ("plain", bool(gpu % 2))):
            if worker and worker.kind != kind_of(cell):
                worker.end()
                worker = None
            result = self.ready(cell)
            if result is None:
                worker = worker or Worker(kind_of(cell), gpu, self.environment(cell["stack"]), self.out)
                limit = min(LIMIT_S, max(20, self.ends - time.monotonic() + 25))
                result = worker.measure(cell, limit) or {"outcome": "time limit" if limit == LIMIT_S else "cut off"}
                if result.get("reserved_after", KEPT_BYTES + 1) > KEPT_BYTES:
                    worker.end()
                    worker = None
            self.record(cell, result)
        if worker:
            worker.end()

    def ready(self, cell: Cell) -> dict[str, Any] | None:
        """None where it can be measured; else why not. The framework's cells are compiled here."""
        if cell["stack"] == "plain":
            return None
        model = self.models[cell["size"]].result()
        problem = compiled(cell, model, self.out, self.environment("plain"))
        return {"outcome": "refused", "error": problem} if problem else None

    def record(self, cell: Cell, result: dict[str, Any]) -> None:
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
        self.prepare()
        first, count = self.arguments.first, self.arguments.gpus
        threads = [threading.Thread(target=self.work, args=(gpu,)) for gpu in range(first, first + count)]
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
    Measuring(arguments).run()


if __name__ == "__main__":
    main()
