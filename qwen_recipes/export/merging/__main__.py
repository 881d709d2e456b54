"""Merge adapters as a job file says: `python -m merging JOB.json`. What was done is printed as one line of JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from .adapters import Adapter, read_adapter
from .base_weights import find_base_folder
from .combine import combine_adapters, measure_losses
from .read_config import MergeError
from .write_adapter import write_adapter
from .write_model import write_model


def main(job_file: str) -> int:
    """Do the job. Exit code 1 where it can't be done; the last line of JSON says why."""
    job: dict[str, Any] = json.loads(Path(job_file).read_text("utf-8"))
    torch.manual_seed(job.get("seed") or 0)
    try:
        report = _merge(job)
    except MergeError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    except ModuleNotFoundError as error:
        print(json.dumps({"error": f"this environment has no {error.name}: name another with --environment"}))
        return 1
    except OSError as error:
        print(json.dumps({"error": f"{error.filename or job['output']}: {error.strerror or error}"}))
        return 1
    report["peak_bytes"] = _read_peak_memory()
    print(json.dumps(report))
    return 0


def _read_peak_memory() -> int | None:
    """The most memory that this process has had, in bytes; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration, ValueError):
        return None


def _merge(job: dict[str, Any]) -> dict[str, Any]:
    adapters = [read_adapter(Path(one["folder"]), one["weight"]) for one in job["adapters"]]
    report: dict[str, Any] = {}
    alone = len(adapters) == 1 and adapters[0].weight == 1.0
    if not alone:
        torch.manual_seed(job.get("seed") or 0)
        factors = combine_adapters(adapters, job)
        report["losses"] = measure_losses(adapters, job) if len(adapters) > 1 else {}
        report["combine"] = job["combine"]
        merged = Adapter(adapters[0].folder, adapters[0].config, 1.0, factors)
    else:
        merged = adapters[0]
    output = Path(job["output"])
    if job["into"] == "adapter":
        return report | write_adapter(merged, output)
    base = find_base_folder(job["base"], job.get("revision"))
    return report | write_model(merged, base, output, job)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
