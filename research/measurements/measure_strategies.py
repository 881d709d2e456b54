"""Which method trains under which strategy: run the cells on two GPUs, one fresh launch each.

    PYTHONPATH=. python research/measurements/measure_strategies.py OUT [--sites FOLDER] [--minutes 9]
        [--at-once 6] [--turns 3]

Appends one JSON line a cell to OUT/results.jsonl and goes on where that file ends, so that it may be cut off. A folder
in FOLDER named after a part of a stack (`current`, `llamafactory`, `deepspeed-0.18.2`, …) goes on PYTHONPATH for the
cells of that stack; without it the interpreter's own packages are measured, and only those.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from random_models import facts_for_shape
from strategy_cells import StrategyCell, list_cells

HERE = Path(__file__).resolve().parent
LIMIT_S = 400
"""Of a launch that waits for its turn; a cell's own limit is in strategy_worker.py."""
STACKS = {
    "current": ("current",),
    "llamafactory": ("llamafactory", "current"),
    "transformers-4": ("transformers-4", "current"),
    "deepspeed-0.19.3": ("deepspeed-0.19.3", "current"),
    "deepspeed-0.19.2": ("deepspeed-0.19.2", "current"),
    "deepspeed-0.18.2": ("deepspeed-0.18.2", "current"),
}
"""What a stack puts on PYTHONPATH, the first first."""

FSDP = """\
compute_environment: LOCAL_MACHINE
distributed_type: FSDP
fsdp_config:
  fsdp_version: {version}
{own}
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_transformer_layer_cls_to_wrap: {layer}
  fsdp_cpu_ram_efficient_loading: {efficient}
  fsdp_activation_checkpointing: {checkpointing}
  fsdp_offload_params: false
  fsdp_state_dict_type: FULL_STATE_DICT
machine_rank: 0
main_training_function: main
mixed_precision: '{precision}'
num_machines: 1
num_processes: 2
rdzv_backend: static
same_network: true
use_cpu: {cpu}
"""
STRATEGY_SETTINGS = {
    "fsdp1": "  fsdp_sharding_strategy: FULL_SHARD\n  fsdp_use_orig_params: true\n  fsdp_sync_module_states: true",
    "fsdp2": "  fsdp_reshard_after_forward: true",
}


def render_fsdp_config(cell: StrategyCell, cpu: bool) -> str:
    """For `accelerate launch`: what templates/llamafactory/fsdp.yaml.j2 says, and the cell's option."""
    efficient = cell.bits == 16 or cell.option == "ram-efficient loading"
    wraps = (
        cell.option.removeprefix("wraps ")
        if cell.option.startswith("wraps ")
        else facts_for_shape(cell.model).layer_class
    )
    return FSDP.format(
        version=cell.strategy[-1],
        own=STRATEGY_SETTINGS[cell.strategy],
        layer=wraps,
        efficient=str(efficient).lower(),
        checkpointing=str(cell.option == "checkpointing by fsdp").lower(),
        precision="no" if cpu else "bf16",
        cpu=str(cpu).lower(),
    )


class StrategyMeasurement:
    """A list of cells, worked through by threads; results go to one file."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.out: Path = arguments.out
        self.results = self.out / "results.jsonl"
        self.deadline = time.monotonic() + arguments.minutes * 60
        self.lock = threading.Lock()
        self.port: int = arguments.port
        self.pending_cells = self.find_pending()

    def find_pending(self) -> list[StrategyCell]:
        """Cells without a result, of the stacks that are here, in order."""
        done = {json.loads(line)["key"] for line in self.read_lines()}
        only: list[str] = self.arguments.only
        model: dict[str, str] = dict(pair.split("=") for pair in self.arguments.model)
        later: list[str] = self.arguments.later
        renamed = [
            StrategyCell(**{**cell.as_dict(), "model": model.get(cell.model, cell.model)}) for cell in list_cells()
        ]
        renamed.sort(key=lambda cell: any(word in f" {cell.key} " for word in later))
        return [
            cell
            for cell in renamed
            if cell.key not in done
            and self.has_stack(cell.stack)
            and (not only or any(w in f" {cell.key} " for w in only))
        ]

    def read_lines(self) -> list[str]:
        return self.results.read_text("utf-8").splitlines() if self.results.is_file() else []

    def has_stack(self, stack: str) -> bool:
        sites: Path | None = self.arguments.sites
        return stack == "current" if sites is None else all((sites / part).is_dir() for part in STACKS[stack])

    def build_environment(self, stack: str) -> dict[str, str]:
        sites: Path | None = self.arguments.sites
        folders = [HERE.parent.parent, *((sites / part for part in STACKS[stack]) if sites else ())]
        path = os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
        fixed = {"PYTHONPATH": path, "OMP_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
        fixed["STRATEGIES_TURNS"] = ":".join(str(self.out / f"turn{n}") for n in range(self.arguments.turns))
        return {**os.environ, **fixed}

    def write_models(self) -> None:
        """Write the models that the cells need."""
        names = sorted({cell.model for cell in self.pending_cells})
        command = [sys.executable, str(HERE / "random_models.py"), str(self.out / "models"), *names]
        subprocess.run(command, check=True, env=self.build_environment("current"))

    def run(self) -> None:
        """Launches beside each other; in `strategy_worker.py` they take turns."""
        count: int = self.arguments.at_once
        threads = [threading.Thread(target=self.run_launches, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run_launches(self, number: int) -> None:
        while True:
            with self.lock:
                if not self.pending_cells or time.monotonic() > self.deadline:
                    return
                cell = self.pending_cells.pop(0)
                self.port += 1
                port = self.port
            result = self.measure_cell(cell, port, number % 2)
            with self.lock, self.results.open("a", encoding="utf-8") as file:
                if result["outcome"] != "cut off":
                    file.write(json.dumps(result) + "\n")
                print(f"{result['seconds']:5.0f} s  {cell.key}: {format_result(result)}", flush=True)

    def build_command(self, cell: StrategyCell, folder: Path, port: int) -> list[str]:
        python = [sys.executable]
        if cell.strategy.startswith("fsdp"):
            config = folder / "fsdp.yaml"
            config.write_text(render_fsdp_config(cell, self.arguments.cpu), "utf-8")
            python += [
                "-m",
                "accelerate.commands.launch",
                "--config_file",
                str(config),
                "--main_process_port",
                str(port),
            ]
        elif cell.strategy != "single":
            python += ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port)]
        model = str(self.out / "models" / cell.model)
        return [*python, str(HERE / "strategy_worker.py"), json.dumps(cell.as_dict()), model, str(folder)]

    def measure_cell(self, cell: StrategyCell, port: int, gpu: int) -> dict[str, Any]:
        """One launch. A cell that outlasts its limit is ended, with its processes."""
        folder = self.out / "cells" / cell.key.replace(" ", "_")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        environment = self.build_environment(cell.stack)
        if cell.strategy == "single":
            environment["CUDA_VISIBLE_DEVICES"] = "" if self.arguments.cpu else str(gpu)
        limit = min(LIMIT_S, max(self.deadline - time.monotonic() + 20, 30))
        start = time.monotonic()
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                self.build_command(cell, folder, port), env=environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                code: int | None = process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                code = None
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        result = collect_ranks(cell, folder, code)
        beside = 1 if cell.runs_alone else self.arguments.turns
        result |= {"seconds": round(time.monotonic() - start, 1), "trained beside": beside}
        shutil.rmtree(folder / "saved", ignore_errors=True)
        return result


def collect_ranks(cell: StrategyCell, folder: Path, code: int | None) -> dict[str, Any]:
    """What the ranks wrote, as one record."""
    ranks = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("rank*.json"))]
    first = ranks[0] if ranks else {}
    failed: dict[str, Any] = next((rank for rank in ranks if "error" in rank), {})
    memory = {name: [rank[name] for rank in ranks if name in rank] for name in first if name.startswith("MiB")}
    kept = (
        "losses",
        "gradient norms",
        "trainable",
        "moved",
        "saved",
        "tokens/s",
        "steps",
        "prepared",
        "step ends",
        "gpu",
        "versions",
    )
    record: dict[str, Any] = {"key": cell.key, "cell": cell.as_dict(), "outcome": classify_outcome(code, ranks)}
    record |= {name: first[name] for name in kept if name in first} | memory
    record |= {name: failed[name] for name in ("error", "where", "phase") if name in failed}
    if record["outcome"] == "ended":
        record["log"] = (folder / "log").read_text("utf-8", "replace")[-1500:]
    return record | {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d")}


def classify_outcome(code: int | None, ranks: list[dict[str, Any]]) -> str:
    """`trained`, `trained, not saved`, `out of memory`, `failed`, `time limit`, `cut off`,
    or `ended` without an error of Python."""
    failed = next((rank for rank in ranks if "error" in rank), None)
    if failed:
        if failed["phase"] == "save":
            return "trained, not saved"
        named = {"OutOfMemoryError": "out of memory", "TimeLimit": "time limit"}
        return named.get(failed["error"].partition(":")[0], "failed")
    if code is None:
        return "cut off"
    return "trained" if ranks and all(rank["phase"] == "done" for rank in ranks) else "ended"


def format_result(result: dict[str, Any]) -> str:
    """A line of the log."""
    losses = result.get("losses") or [0.0]
    return f"{result['outcome']}  {losses[0]} -> {losses[-1]}  {result.get('error', '')[:160]}"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve())
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--at-once", type=int, default=1, help="launches beside each other")
    parser.add_argument("--turns", type=int, default=1, help="how many of them may train at the same time")
    parser.add_argument(
        "--port", type=int, default=29500, help="the first; two drivers beside each other need their own"
    )
    parser.add_argument("--later", nargs="*", default=[], help="cells to put off, by a text in their key")
    parser.add_argument("--only", nargs="*", default=[], help="cells whose key holds one of these texts")
    parser.add_argument("--cpu", action="store_true", help="two gloo ranks, to try the scripts")
    parser.add_argument("--model", nargs="*", default=[], metavar="NAME=NAME", help="another shape: 0.6B=tiny")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    measuring = StrategyMeasurement(arguments)
    print(f"{len(measuring.pending_cells)} cells", flush=True)
    measuring.write_models()
    measuring.run()


if __name__ == "__main__":
    main()
