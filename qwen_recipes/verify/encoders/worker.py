"""Import a framework once, then encode the rows of each job: `python -m encoders.worker FILE JOB.json…`.

FILE is a backend's `row_encoder.py`, with `load()` and `encode(job)`. It may hold VARIABLES of the environment.

A job is {"folder": of the compiled files, "rows": rows.json to prepare first, "config": train.yaml, "objective": the
recipe's, "cwd": folder, "out": file}. `out` gets one JSON object a line: {"row": place among the prepared rows,
"input_ids", "labels"}, or {"row", "error"} where the framework leaves the row out, or {"error"} where it takes none.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

WORKER_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
"""Environment of every worker: no network, no telemetry, no GPU."""


def encode_job(framework: ModuleType, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Prepare the rows as run.sh would, and let the framework encode them."""
    os.chdir(job["cwd"])
    sys.path.insert(0, job["folder"])
    try:
        import_module("rows.prepare").main(job["rows"])
        found: list[dict[str, Any]] = framework.encode(job)
    except BaseException as refusal:
        traceback.print_exc()
        return [{"error": f"{type(refusal).__name__}: {refusal}"}]
    return found


def write_json_lines(path: Path, rows: list[dict[str, object]]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def run_forked_job(framework: ModuleType, job: dict[str, Any]) -> None:
    """Do one job in a child of this process, which has the framework imported already and keeps nothing behind."""
    child = os.fork()
    if child == 0:
        write_json_lines(Path(job["out"]), encode_job(framework, job))
        sys.stderr.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        write_json_lines(Path(job["out"]), [{"error": f"the framework's process exited with wait status {status}"}])


def load_file(path: str) -> ModuleType:
    """A Python file as a module of its own, whatever lies beside it."""
    spec = spec_from_file_location("framework_" + Path(path).stem, path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(encoder: str, jobs: list[str]) -> None:
    """Do the jobs of one framework; what it prints goes to stderr."""
    os.dup2(2, 1)
    os.environ.update(WORKER_ENVIRONMENT)
    framework = load_file(encoder)
    os.environ.update(getattr(framework, "VARIABLES", {}))
    framework.load()
    for job in jobs:
        run_forked_job(framework, json.loads(Path(job).read_text("utf-8")))


if __name__ == "__main__":
    sys.path.pop(0)
    main(sys.argv[1], sys.argv[2:])
