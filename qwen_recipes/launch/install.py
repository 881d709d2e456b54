"""Building a framework's environment from its lock, so that an interruption at any point does no harm.

The environment is built in place and its marker written last. What was begun is continued where its Python works and
its lock is the same, else begun again. The file lock is held by the installer too: where we are killed and the
installer goes on, the next call waits for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.launch import contents, watched
from qwen_recipes.launch.environment import DESCRIPTION, MARKER, Environment
from qwen_recipes.launch.installer import Installer, choose, clean_variables
from qwen_recipes.launch.interpreter import InterpreterMissing, find
from qwen_recipes.launch.requirements import Requirements, digest, read
from qwen_recipes.launch.watched import CommandFailed, Report

LOG = "install.log"
_DOING = re.compile(r"^(Collecting \S+|Building wheel for \S+|Installing) ?", re.MULTILINE)


class EnvironmentFailed(Exception):
    """An environment could not be built; `log` holds what the installer said, where it was reached."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def create(
    environment: Environment,
    report: Report,
    torch_index: str | None = None,
    recreate: bool = False,
    python: Path | None = None,
) -> None:
    """Build the environment, or finish it; nothing happens where it is ready.

    `torch_index` is an index for torch alone (default: `$QWEN_RECIPES_TORCH_INDEX`); `python` an interpreter of the
    environment's version. With pip and no such index, the CPU lock's `torch==…` may bring the build for CUDA on
    64-bit x86 Linux: larger, without NVIDIA's libraries since dependencies are never followed, and fit for the CPU.

    Raises EnvironmentFailed. KeyboardInterrupt leaves the environment marked as unfinished.
    """
    with _locked(environment, report) as descriptor:
        if environment.ready and not recreate:
            report(f"{environment.backend} is ready in {environment.folder}")
            return
        try:
            _begin(environment, report, recreate, python)
            _fill(environment, report, torch_index or os.environ.get("QWEN_RECIPES_TORCH_INDEX"), descriptor)
            _check(environment, report)
        except InterpreterMissing as error:
            raise EnvironmentFailed(str(error)) from error
        except CommandFailed as error:
            raise EnvironmentFailed(str(error), environment.folder / LOG) from error
        except OSError as error:
            raise EnvironmentFailed(f"{environment.folder}: {error.strerror or error}") from error
        _write(environment.folder / MARKER, digest(environment.lock))
    report(f"{environment.backend} is ready in {environment.folder}")


def _begin(environment: Environment, report: Report, recreate: bool, python: Path | None) -> None:
    """A folder with a working Python and a description: the one that is there, or a new one."""
    (environment.folder / MARKER).unlink(missing_ok=True)
    if not recreate and _can_continue(environment):
        report(f"continuing an unfinished installation in {environment.folder}")
        contents.discard_unfinished(environment.site_packages)
        return
    interpreter = find(environment.python, python)
    shutil.rmtree(environment.folder, ignore_errors=True)
    environment.folder.mkdir(parents=True)
    log = environment.folder / LOG
    command = [str(interpreter), "-m", "venv", str(environment.folder)]
    watched.run(command, log, _title(1, "virtual environment"), report)
    names = ("backend", "version", "device", "python")
    described = {name: getattr(environment, name) for name in names}
    described |= {"lock": str(environment.lock.absolute()), "sha256": digest(environment.lock)}
    _write(environment.folder / DESCRIPTION, json.dumps(described, indent=2))


def _can_continue(environment: Environment) -> bool:
    """Whether the folder was begun from this lock and has a Python that can install."""
    try:
        described = json.loads((environment.folder / DESCRIPTION).read_text("utf-8"))
        probe = [str(environment.interpreter), "-c", "import pip, sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(probe, capture_output=True, text=True, timeout=60)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return bool(described.get("sha256") == digest(environment.lock)) and done.stdout.strip() == environment.python


def _fill(environment: Environment, report: Report, torch_index: str | None, descriptor: int) -> None:
    """Install what the lock says: torch, the plain pins, then what needs a step of its own."""
    wanted = read(environment.lock)
    installer = choose(environment.interpreter, environment.device, wanted.torch, torch_index)

    def step(number: int, text: str, command: list[str], variables: dict[str, str] | None = None) -> None:
        env = {**clean_variables(os.environ), **(variables or {})}
        log, title = environment.folder / LOG, _title(number, text)
        watched.run(command, log, title, report, env, lambda: _progress(environment, wanted), (descriptor,))

    if wanted.torch:
        step(2, f"{wanted.torch} with {installer.name}", installer.torch(wanted.torch))
    if wanted.rest:
        rest = environment.folder / "requirements.txt"
        _write(rest, "\n".join(wanted.rest) + "\n")
        step(3, f"{len(wanted.rest)} packages with {installer.name}", installer.plain(rest))
    for package in wanted.built:
        step(4, f"{package.pin}, built from source", installer.built(package.pin), package.variables)
    for pin in wanted.any_python:
        step(4, pin, Installer(environment.interpreter).any_python(pin))
    for module in wanted.empty_modules:
        (environment.site_packages / f"{module}.py").touch()


def _check(environment: Environment, report: Report) -> None:
    """Hold the environment against its lock, and load torch once."""
    wanted = read(environment.lock)
    if different := contents.differences(environment.site_packages, wanted):
        raise EnvironmentFailed("not what the lock says: " + "; ".join(different[:5]), environment.folder / LOG)
    probe = "import torch; print(torch.__version__)" if wanted.torch else ""
    command = [str(environment.interpreter), "-c", probe]
    watched.run(command, environment.folder / LOG, _title(5, "check"), report, clean_variables(os.environ))


@contextlib.contextmanager
def _locked(environment: Environment, report: Report) -> Iterator[int]:
    """Hold the environment's file lock, and give its descriptor. Waits for whoever builds it now."""
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    path = environment.folder.parent / f".{environment.folder.name}.lock"
    with path.open("w") as file:
        began = time.monotonic()
        while not _acquired(file.fileno()):
            waited = int(time.monotonic() - began)
            if waited % int(watched.INTERVAL) == 0:
                report(f"waiting for another installation in {environment.folder}: {waited} s")
            time.sleep(1)
        yield file.fileno()


def _acquired(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _progress(environment: Environment, wanted: Requirements) -> str:
    names = contents.versions(environment.site_packages).keys() & wanted.pins().keys()
    in_place = f"{len(names)} of {len(wanted.pins())} packages in place"
    doing = watched.last_match(environment.folder / LOG, _DOING)
    return f"{in_place}, {doing.lower()}" if doing else in_place


def _title(number: int, text: str) -> str:
    return f"[{number}/5] {text}"


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, "utf-8")
    beside.replace(path)
