"""Import a framework once, then start each case and observe its trainer: `python -m trainer.worker FILE CASE.json…`.

FILE is a backend's `trainer_entry.py`, with `load()` and `start(words)`. It may hold PROGRAMS, the framework's commands
that run.sh may call, VARIABLES of the environment, and `encode_batch(trainer, batch)` for trainers that encode a batch
within the step.
A case is {"folder": of the compiled files, "cwd": folder, "out": file} and may hold
    "rows"      rows.json to prepare first
    "command"   a subcommand in place of what run.sh calls
    "model"     folder whose weights are drawn at random where it has none
    "adapter"   {"folder", "config"}: an adapter to make on `model`
    "start_from"   folder of the adapter that training continues from
    "batches" (2), "seconds" (600)
    "only_batches"   true: the batches alone are observed, their values whole
    "isolation"      true: only whether packed examples see each other (`isolation.py`)
`out` gets one JSON object, see the package's docstring. The log lies beside it, as `.log`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .batches import observe_whole_batches
from .child import end_children_on_sigterm, explain_status, run_in_child
from .command import read_command
from .isolation import observe_isolation
from .modules import observe_modules
from .observe import observe
from .stand_in import observe_saved_adapter, write_adapter, write_model_weights
from .stop import stop_at_first_batch
from .warm_start import freeze_objects, import_early, keep_datasets_in_process

QUIET = {
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
    "WANDB_MODE": "offline",
}
"""Environment of every worker: no network, no telemetry, one thread."""
SECONDS = 600
BATCHES = 2
LAST_LINES = 30
Act = Callable[[ModuleType, dict[str, Any]], None]
"""Runs a framework, by its `trainer_entry.py`, on a case's compiled files."""


def start(framework: ModuleType, case: dict[str, Any]) -> None:
    """Run the framework on the compiled files until its trainer is observed; ends the process then."""
    out = Path(case["out"])

    encode = getattr(framework, "encode_batch", lambda _, batch: batch)

    def save(trainer: object, drawn: list[object], counted: object) -> None:
        batches = [encode(trainer, batch) for batch in drawn]
        if case.get("only_batches"):
            write_json(out, {"batches": observe_whole_batches(batches), "seconds": round(time.monotonic() - began, 2)})
            return
        if case.get("isolation"):
            write_json(out, {"isolation": observe_isolation(trainer, batches), "modules": observe_modules(trainer)})
            return
        found = observe(trainer, batches, counted)
        found["saved_adapter"] = observe_saved_adapter(Path(case["start_from"])) if case.get("start_from") else None
        found["seconds"] = round(time.monotonic() - began, 2)
        write_json(out, found)

    began = time.monotonic()
    stop_at_first_batch(save, case.get("batches", BATCHES))
    start_framework(framework, case)


def start_framework(framework: ModuleType, case: dict[str, Any]) -> None:
    """Call the framework's own entry point as run.sh does."""
    command = read_command(Path(case["folder"]), case.get("command"), getattr(framework, "PROGRAMS", ()))
    os.chdir(case["cwd"])
    os.environ.update(command.variables)
    for name in command.unset:
        del os.environ[name]
    sys.path[:0] = command.python_path
    framework.start(command.words)


def prepare_rows(case: dict[str, Any]) -> None:
    """Prepare the rows as run.sh does; a config of one's own has none to prepare."""
    if not case.get("rows"):
        return
    os.chdir(case["cwd"])
    sys.path.insert(0, case["folder"])
    import_module("rows.prepare").main(case["rows"])


def make_stand_ins(case: dict[str, Any]) -> None:
    """Weights for the model and the adapter that the case has no real ones of."""
    if case.get("model"):
        write_model_weights(Path(case["model"]))
    if case.get("adapter"):
        write_adapter(Path(case["model"]), case["adapter"]["config"], Path(case["adapter"]["folder"]))


def write_json(path: Path, observation: dict[str, object]) -> None:
    """Write one JSON object; the file is never half written."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(observation, indent=1, ensure_ascii=False), "utf-8")
    part.replace(path)


def run_case(framework: ModuleType, case: dict[str, Any], act: Act = start) -> None:
    """Do one case, each part of it in a child, and see to it that `out` is written."""
    out, seconds = Path(case["out"]), int(case.get("seconds", SECONDS))
    log = out.with_suffix(".log")
    out.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    parts = (lambda: make_stand_ins(case), lambda: prepare_rows(case), lambda: act(framework, case))
    status = 0
    for part in parts:
        status = status or run_in_child(part, log, seconds)
    if not out.is_file():
        write_json(out, {"error": f"{explain_status(status, seconds)}\n{_read_last_lines(log)}"})


def _read_last_lines(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:])


def load_file(path: str) -> ModuleType:
    """A Python file as a module of its own, whatever lies beside it."""
    spec = spec_from_file_location("framework_" + Path(path).stem, path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(entry: str, cases: list[str], act: Act = start) -> None:
    """Do the cases of one framework; what it prints goes to stderr. `act` runs the framework on compiled files."""
    os.dup2(2, 1)
    end_children_on_sigterm()
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update({**QUIET, "HF_DATASETS_CACHE": cache})
        framework = load_file(entry)
        os.environ.update(getattr(framework, "VARIABLES", {}))
        if not os.environ.get("CUDA_VISIBLE_DEVICES"):  # CUDA can't be used in a child once an import has started it
            framework.load()
            import_early()
        keep_datasets_in_process()
        freeze_objects()
        for case in cases:
            run_case(framework, json.loads(Path(case).read_text("utf-8")), act)


if __name__ == "__main__":
    sys.path.pop(0)
    sys.modules["__main__"].__spec__ = None  # processes that a framework spawns would import this module
    del __file__
    main(sys.argv[1], sys.argv[2:])
