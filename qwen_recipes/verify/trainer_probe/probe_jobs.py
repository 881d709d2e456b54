"""Probes: a recipe compiled for one process, the worker that starts a framework on it, and what the worker observed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_recipes.backends import Backend, load_backend
from qwen_recipes.backends.base import TRAINER_ENTRY
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import write_files
from qwen_recipes.compile.plan_files import render_plan_files
from qwen_recipes.environments.environment import (
    Environment,
    MissingEnvironmentError,
    default_root,
    get_managed_environment,
)
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.locked_folder import make_folder
from qwen_recipes.filesystem.logs import open_new_log
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.runs.preflight import find_run_environment
from qwen_recipes.verify.trainer_probe.first_rows import ROWS, copy_first_rows
from qwen_recipes.verify.trainer_probe.probe_plan import ProbePlan, make_cpu_plan, make_gpu_plan
from qwen_recipes.verify.trainer_probe.stand_in_model import ProbeModel, prepare_model

WORKER_FOLDER = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 3600.0
GRACE_SECONDS = 5.0
LAST_LINES = 20


class ProbeFailedError(QwenRecipesError, RuntimeError):
    """A framework did not get as far as its trainer; the message holds the last lines of its log."""


@dataclass(frozen=True)
class ProbeJob:
    """A recipe made ready for one framework's trainer.

    `plan` is what was compiled: the recipe's plan but for `set_aside`, whose fields the probe can't show, each with its
    reason, on the probe's model and rows. `notes` say which fields are seen on a stand-in.
    """

    file: Path
    out: Path
    plan: Plan
    set_aside: Mapping[str, str]
    notes: Mapping[str, str]

    def read_observation(self) -> dict[str, Any]:
        """What stands at the trainer, as `trainer/` describes it. Raises ProbeFailedError."""
        found: dict[str, Any] = json.loads(self.out.read_text("utf-8"))
        if "error" in found:
            raise ProbeFailedError(found["error"])
        return found


def prepare_probe(
    loaded: LoadedRecipe, plan: Plan, backend: Backend, folder: Path, rows: int = ROWS, gpu: bool = False
) -> ProbeJob:
    """Write below `folder` all that the worker needs: compiled files, the first rows, a stand-in model's config.

    Raises NotProbedError for what one process can't start, and what `prepare_model` and `copy_first_rows` raise.
    """
    folder = folder.resolve()
    prepared = make_gpu_plan(plan) if gpu else make_cpu_plan(plan)
    model = prepare_model(plan, loaded.folder, folder)
    probed = _place_plan(prepared, model, folder)
    probed = replace(probed, data=copy_first_rows(plan.data, loaded.folder, folder / "rows", rows))
    compiled = folder / "compiled"
    write_files(compiled, render_plan_files(probed, backend, compiled, loaded))
    job = ProbeJob(folder / "case.json", folder / "observation.json", probed, prepared.set_aside, model.notes)
    replace_file(job.file, json.dumps(_make_case(job, model, compiled, loaded.folder)))
    return job


def _place_plan(prepared: ProbePlan, model: ProbeModel, folder: Path) -> Plan:
    plan = prepared.plan
    start_from = str(model.start_from) if model.start_from else None
    return replace(
        plan,
        model=replace(plan.model, id=str(model.folder), local=True, revision=None),
        method=replace(plan.method, start_from=start_from),
        output=replace(plan.output, dir=str(folder / "out")),
    )


def _make_case(job: ProbeJob, model: ProbeModel, compiled: Path, recipe_folder: Path) -> dict[str, object]:
    """What the worker is told; see its module."""
    adapter = {"folder": str(model.start_from), "config": model.make_adapter} if model.make_adapter else None
    return {
        "folder": str(compiled),
        "rows": str(compiled / "rows.json"),
        "cwd": str(recipe_folder.resolve()),
        "out": str(job.out),
        "model": str(model.folder) if model.make_model else None,
        "adapter": adapter,
        "start_from": str(model.start_from) if model.start_from else None,
    }


def ask_for_batches(job: ProbeJob, count: int) -> None:
    """Let the worker observe `count` micro-batches, whole, and nothing else."""
    case = json.loads(job.file.read_text("utf-8"))
    replace_file(job.file, json.dumps({**case, "batches": count, "only_batches": True}))


def ask_for_isolation(job: ProbeJob) -> None:
    """Let the worker observe whether packed examples see each other, and nothing else."""
    case = json.loads(job.file.read_text("utf-8"))
    replace_file(job.file, json.dumps({**case, "batches": 1, "isolation": True}))


def find_probe_environment(loaded: LoadedRecipe, plan: Plan, backend: Backend) -> Environment:
    """The managed environment for the CPU where it is ready, else the one that the recipe runs in.

    Raises MissingEnvironmentError.
    """
    with contextlib.suppress(MissingEnvironmentError):
        if plan.run.environment == "managed" and (found := get_managed_environment(backend, "cpu")).ready:
            return found
    return find_run_environment(plan, backend, loaded.folder)


def run_probes(
    backend: str, interpreter: Path, jobs: Sequence[ProbeJob], scratch: Path, gpu: str | None = None
) -> None:
    """Start the framework on each job, imported once for all; each job's observation lies in its `out` then.

    `gpu` names the GPU that it sees, as CUDA_VISIBLE_DEVICES has it; None for none. `scratch` holds the worker's log.

    Whatever ends this function ends the worker and its children too. Their temporary files lie in a folder with a short
    path, since frameworks start processes that listen on sockets there, whose paths may have a hundred characters.
    Raises ProbeFailedError where the worker itself fails.
    """
    if not jobs:
        return
    entry = load_backend(backend).folder / TRAINER_ENTRY
    if not entry.is_file():
        raise ProbeFailedError(f"the package of {backend} has no {TRAINER_ENTRY}, which starts it in one process")
    make_folder(scratch)
    command = [str(interpreter), "-m", "trainer.worker", str(entry), *(str(job.file) for job in jobs)]
    log = scratch / "worker.log"
    with open_new_log(log) as stream, tempfile.TemporaryDirectory(prefix="probe-") as temporary:
        process = subprocess.Popen(
            command,
            cwd=WORKER_FOLDER,
            env={**_make_variables(interpreter, temporary), "CUDA_VISIBLE_DEVICES": gpu or ""},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(TIMEOUT_SECONDS)
        finally:
            _end_process(process)
    if process.returncode or not all(job.out.is_file() for job in jobs):
        raise ProbeFailedError("\n".join(log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]))


def _make_variables(interpreter: Path, temporary: str) -> dict[str, str]:
    """The worker's environment: the framework's commands first, nothing of this Python's own.

    Bytecode is kept, since a framework takes minutes to compile, but neither beside the recipe nor in the environment.
    """
    variables = {**os.environ, "PATH": f"{interpreter.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE"):
        variables.pop(name, None)
    return {**variables, "TMPDIR": temporary, "PYTHONPYCACHEPREFIX": str(default_root() / "bytecode")}


def _end_process(process: subprocess.Popen[bytes]) -> None:
    """End the worker, which ends its children; kill what is left of them."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
