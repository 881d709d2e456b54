"""The record of a run, `run.json` in its output folder: what ran, with what, and how it ended."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from qwen_recipes import __version__
from qwen_recipes.compile import CompiledRecipe
from qwen_recipes.environments.environment import Environment
from qwen_recipes.environments.gpu import DetectedGpu
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import encode_text, replace_file
from qwen_recipes.recipe.secrets import find_environment_secrets, hide_secrets
from qwen_recipes.resolve.plan_table import list_plan_values
from qwen_recipes.runs.checkpoints import list_checkpoints
from qwen_recipes.runs.data_hashes import hash_data, hash_file
from qwen_recipes.runs.heartbeat import has_ended, read_process_start
from qwen_recipes.runs.trainer_logs import LossHistory
from qwen_recipes.runs.validate_record import validate_record

RECORD_FILE, LOG_FILE, RESERVE_FILE = "run.json", "run.log", ".run.reserve"
_RESERVED_BYTES = 512 * 1024
"""Bytes set aside for the record."""
RunStatus = Literal["running", "finished", "failed", "interrupted", "killed"]
_RECORDED_PACKAGES = (
    *("torch", "transformers", "peft", "trl", "accelerate", "datasets", "tokenizers", "safetensors"),
    *("deepspeed", "bitsandbytes", "liger-kernel", "flash-attn"),
)


@dataclass
class RunRecord:
    """One run. Times are ISO 8601 with zone, `seconds` the wall clock; paths are absolute but for file names.

    `pid` and `pid_started` are of the `recipes` that watches the run, `pgid` of the framework's process group.
    `signal` is the one that ended the run, or that was sent to it, `cause` what `recipes why` calls the reason of a
    failure. `attempts` are earlier ones that this one resumes, at the checkpoint of step `resumed_from`.
    `planned` is what the estimate said before, in bytes and seconds, `counted_steps` the steps that the rows make.
    """

    name: str
    recipe: dict[str, Any]
    plan: list[dict[str, Any]]
    backend: dict[str, str]
    files: dict[str, str]
    command: list[str]
    folder: str
    environment: dict[str, Any]
    system: dict[str, str]
    output: str
    started: str
    pid: int
    pid_started: int | None
    host: str
    pgid: int | None = None
    status: RunStatus = "running"
    ended: str | None = None
    seconds: float | None = None
    exit_code: int | None = None
    signal: str | None = None
    problem: str | None = None
    cause: str | None = None
    steps: int | None = None
    planned_steps: int | None = None
    first_loss: float | None = None
    last_loss: float | None = None
    last_eval_loss: float | None = None
    gpus: list[dict[str, Any]] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, int] | None = None
    counted_steps: dict[str, int] | None = None
    planned: dict[str, Any] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    resumed_from: int | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    version: int = field(default=1)

    @property
    def state(self) -> RunStatus:
        """The status; a run that ended without a final status was killed."""
        gone = self.status == "running" and has_ended(Path(self.output), self.host, self.pid, self.pid_started)
        return "killed" if gone else self.status

    def add_losses(self, losses: LossHistory) -> None:
        """Take over the steps and losses that the framework's own files tell."""
        self.steps, self.planned_steps = losses.steps, losses.planned
        self.first_loss, self.last_loss = _drop_non_finite(losses.first), _drop_non_finite(losses.last)
        self.last_eval_loss = _drop_non_finite(losses.last_evaluation)

    def add_results(self) -> None:
        """Take over what lies in the output folder: checkpoints, and how many rows were prepared."""
        output = Path(self.output)
        self.checkpoints = [
            {"step": one.step, "folder": one.folder.name, "damage": one.damage} for one in list_checkpoints(output)
        ]
        try:
            report = read_json(output / "rows" / "rows.json", "record")
            self.rows, self.counted_steps = report["counts"], report.get("steps")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.rows = self.counted_steps = None

    def as_attempt(self) -> dict[str, object]:
        """How this attempt ended, for the record of the attempt that resumes it."""
        names = ("started", "ended", "status", "signal", "exit_code", "steps", "resumed_from")
        return {**{name: getattr(self, name) for name in names}, "status": self.state}


def create_record(
    compiled: CompiledRecipe,
    overrides: tuple[str, ...],
    environment: Environment,
    output: Path,
    gpus: Sequence[DetectedGpu],
) -> RunRecord:
    """The record of a run that starts now, on these GPUs. Raises OSError where data cannot be hashed."""
    backend, loaded, folder = compiled.backend, compiled.loaded, compiled.folder
    return RunRecord(
        name=loaded.name,
        recipe={
            "file": str(loaded.document.file),
            "text": loaded.document.text,
            "extends": {name: base.text for name, base in loaded.document.bases.items()},
            "set": list(overrides),
            "stage": loaded.stage,
            "hash": loaded.recipe_hash,
        },
        plan=[asdict(row) for row in list_plan_values(compiled.plan)],
        backend={"name": backend.name, "version": backend.version},
        files={name: hashlib.sha256(encode_text(text)).hexdigest() for name, text in compiled.files.items()},
        command=build_launch_command(folder),
        folder=str(folder.resolve()),
        environment={
            "folder": str(environment.folder),
            "python": environment.python,
            "packages": query_package_versions(environment, backend.distribution),
            "lock": hash_file(environment.lock)[0] if environment.lock.is_file() else None,
        },
        system={"qwen-recipes": __version__, "python": platform.python_version(), "platform": platform.platform()},
        output=str(output.resolve()),
        started=format_current_time(),
        pid=os.getpid(),
        pid_started=read_process_start(os.getpid()),
        host=socket.gethostname(),
        gpus=[asdict(gpu) for gpu in gpus],
        data=hash_data(compiled.plan, loaded.folder),
    )


def build_launch_command(folder: Path) -> list[str]:
    """What is launched: the compiled script."""
    return ["bash", str((folder / "run.sh").resolve())]


def format_current_time() -> str:
    """This second, in ISO 8601 with the zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def reserve_disk_space(output: Path) -> None:
    """Set room aside for the record, so that it can be finished on a full disk. Raises OSError."""
    replace_file(output / RESERVE_FILE, bytes(_RESERVED_BYTES))


def write_record(record: RunRecord) -> None:
    """Write `run.json` whole or not at all; an ended run's takes the room that was set aside. Raises OSError."""
    folder = Path(record.output)
    if record.ended:
        (folder / RESERVE_FILE).unlink(missing_ok=True)
    text = json.dumps(asdict(record), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    text = hide_secrets(text, find_environment_secrets(os.environ))
    replace_file(folder / RECORD_FILE, text, create_folder=False)


def read_record(output: Path) -> RunRecord | None:
    """The record in an output folder; None where there is none that can be read, or a value is of another type."""
    from qwen_recipes.runs.record_shape import RecordShape

    try:
        return validate_record(RunRecord, read_json(output / RECORD_FILE, "record"), RecordShape)
    except (OSError, ValueError):
        return None


def describe_missing_record(output: Path) -> str:
    """Why `read_record` found none."""
    if not output.exists():
        return f"{output} does not exist"
    return f"{output} is not the output folder of a run: it has no readable {RECORD_FILE}"


def query_package_versions(environment: Environment, framework: str) -> dict[str, str]:
    """Versions of the main packages in an environment, asked of its own Python; only those that are there."""
    probe = (
        "import importlib.metadata as m, json, sys; "
        "have = {d.metadata['Name'].lower().replace('_', '-'): d.version for d in m.distributions()}; "
        "print(json.dumps({n: have[n] for n in sys.argv[1:] if n in have}))"
    )
    names = dict.fromkeys([framework.lower().replace("_", "-"), *_RECORDED_PACKAGES])
    asked = [str(environment.interpreter), "-I", "-c", probe, *names]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, errors="replace", timeout=60)
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return {}
    return found


def _drop_non_finite(value: float | None) -> float | None:
    """JSON has no NaN: a loss that is none is left out."""
    return value if value is not None and abs(value) < float("inf") else None
