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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from qwen_recipes.environments import installed_packages, logged_command
from qwen_recipes.environments.additional_packages import read_all_pins, read_all_requirements
from qwen_recipes.environments.environment import DESCRIPTION_FILE, READY_MARKER, Environment
from qwen_recipes.environments.find_uv import find_uv
from qwen_recipes.environments.hashes import LockHashes, MissingHashError
from qwen_recipes.environments.interpreter import MissingInterpreterError, find_interpreter
from qwen_recipes.environments.lock_file import Requirements, normalize_name, read_requirements
from qwen_recipes.environments.logged_command import CommandFailedError, ReportLine
from qwen_recipes.environments.pip_and_uv import Installer, choose_installer, clean_variables
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.locked_folder import make_folder
from qwen_recipes.filesystem.logs import open_to_append
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import replace_file

INSTALL_LOG = "install.log"
RunStep = Callable[..., None]
"""Run one step: its number, title, command and further variables. Raises CommandFailedError."""
_INSTALL_STEP = re.compile(r"^(Collecting \S+|Building wheel for \S+|Installing) ?", re.MULTILINE)


class EnvironmentBuildError(QwenRecipesError):
    """An environment could not be built; `log` holds what the installer said, where it was reached."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def build_environment(
    environment: Environment,
    report: ReportLine,
    torch_index: str | None = None,
    recreate: bool = False,
    python: Path | None = None,
    torch_hashes: Sequence[str] = (),
) -> None:
    """Build the environment, or finish it; nothing happens where it is ready.

    `torch_index` is an index for torch alone (default: `$QWEN_RECIPES_TORCH_INDEX`); `python` an interpreter of the
    environment's version. Only files whose SHA-256 stand beside the lock are installed; `torch_hashes` are those of
    further builds of torch. With pip and no such index, the CPU lock's `torch==…` may bring the build for CUDA on
    64-bit x86 Linux: larger, without NVIDIA's libraries since dependencies are never followed, and fit for the CPU.

    Raises EnvironmentBuildError. KeyboardInterrupt leaves the environment marked as unfinished.
    """
    with _hold_build_lock(environment, report) as descriptor:
        if environment.ready and not recreate:
            report(f"{environment.backend} is ready in {environment.folder}")
            return
        try:
            _prepare_folder(environment, report, recreate, python)
            index = torch_index or os.environ.get("QWEN_RECIPES_TORCH_INDEX")
            _install_packages(environment, report, index, torch_hashes, descriptor)
            _check_against_lock(environment, report)
        except (MissingInterpreterError, MissingHashError) as error:
            raise EnvironmentBuildError(str(error)) from error
        except CommandFailedError as error:
            raise EnvironmentBuildError(str(error), environment.folder / INSTALL_LOG) from error
        except OSError as error:
            raise EnvironmentBuildError(f"{environment.folder}: {error.strerror or error}") from error
        replace_file(environment.folder / READY_MARKER, environment.identity)
    report(f"{environment.backend} is ready in {environment.folder}")


def _prepare_folder(environment: Environment, report: ReportLine, recreate: bool, python: Path | None) -> None:
    """A folder with a working Python and a description: the one that is there, or a new one."""
    (environment.folder / READY_MARKER).unlink(missing_ok=True)
    if not recreate and _can_continue(environment):
        report(f"continuing an unfinished installation in {environment.folder}")
        installed_packages.remove_unfinished_installs(environment.site_packages)
        return
    interpreter = find_interpreter(environment.python, python)
    shutil.rmtree(environment.folder, ignore_errors=True)
    make_folder(environment.folder)
    log = environment.folder / INSTALL_LOG
    command = [str(interpreter), "-I", "-m", "venv", str(environment.folder)]
    logged_command.run_logged(command, log, _format_title(1, "virtual environment"), report)
    names = ("backend", "version", "device", "python")
    described = {name: getattr(environment, name) for name in names}
    described |= {"lock": str(environment.lock.absolute()), "sha256": environment.identity}
    if environment.additional:
        described["with"] = list(environment.additional)
    replace_file(environment.folder / DESCRIPTION_FILE, json.dumps(described, indent=2))


def _can_continue(environment: Environment) -> bool:
    """Whether the folder was begun from this lock and has a Python that can install."""
    try:
        described = read_json(environment.folder / DESCRIPTION_FILE, "config")
        probe = [str(environment.interpreter), "-I", "-c", "import pip, sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(probe, capture_output=True, text=True, errors="replace", timeout=60)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return bool(described.get("sha256") == environment.identity) and done.stdout.strip() == environment.python


def _install_packages(
    environment: Environment,
    report: ReportLine,
    torch_index: str | None,
    torch_hashes: Sequence[str],
    descriptor: int,
) -> None:
    """Install what the locks say: torch, the plain pins, what needs a step of its own, then additional packages."""
    every = read_all_requirements(environment.locks)
    pins = read_all_pins(environment.locks)
    required, hashes = every[0], LockHashes(environment.lock, torch_hashes)
    if not hashes.required:
        report(f"{hashes.file} does not exist: packages are installed without checking their hashes")

    def step(number: int, text: str, command: list[str], variables: dict[str, str] | None = None) -> None:
        env = {**clean_variables(os.environ), **(variables or {})}
        log, title = environment.folder / INSTALL_LOG, _format_title(number, text)
        logged_command.run_logged(
            command, log, title, report, env, lambda: _describe_progress(environment, pins), (descriptor,)
        )

    uv = find_uv(environment.device, environment.interpreter, environment.folder.parent, partial(step, 1, "uv"))
    installer = choose_installer(
        environment.interpreter, environment.device, required.torch, torch_index, uv, hashes=hashes.required
    )
    if required.torch:
        *others, last = hashes.list_torch_builds(required.torch)

        def install_torch(pin: str) -> None:
            title = f"{pin} with {installer.name}"
            file = _write_requirements(environment, hashes, "torch", pin)
            step(2, title, installer.torch(file), installer.torch_variables)

        if not any(_try_step(install_torch, pin) for pin in others):
            install_torch(last)
    for lock, requirements in zip(environment.locks, every, strict=True):
        own = hashes if lock == environment.lock else LockHashes(lock)
        _install_requirements(environment, requirements, own, replace(installer, hashes=own.required), step)


def _install_requirements(
    environment: Environment, required: Requirements, hashes: LockHashes, installer: Installer, step: RunStep
) -> None:
    """Install what one lock says, but for torch."""
    if required.rest:
        title = f"{len(required.rest)} packages with {installer.name}"
        step(3, title, installer.plain(_write_requirements(environment, hashes, "requirements", *required.rest)))
    for package in required.built:
        title = f"{package.pin}, built from source"
        file = _write_requirements(environment, hashes, normalize_name(package.pin), package.pin)
        step(4, title, installer.built(file), package.variables)
    for pin in required.any_python:
        step(4, pin, installer.any_python(_write_requirements(environment, hashes, normalize_name(pin), pin)))
    for module in required.empty_modules:
        replace_file(environment.site_packages / f"{module}.py", "")


def _write_requirements(environment: Environment, hashes: LockHashes, name: str, *pins: str) -> Path:
    """A requirements file of pins with their hashes, in the environment's folder. Raises MissingHashError."""
    file = environment.folder / f"{name}.txt"
    replace_file(file, "".join(f"{hashes.format_requirement(pin)}\n" for pin in pins))
    return file


def _try_step(step: Callable[[str], None], pin: str) -> bool:
    """Whether a step went well."""
    try:
        step(pin)
    except CommandFailedError:
        return False
    return True


def _check_against_lock(environment: Environment, report: ReportLine) -> None:
    """Hold the environment against its lock, and load torch once."""
    wanted = read_requirements(environment.lock)
    pins = read_all_pins(environment.locks)
    if different := installed_packages.find_lock_differences(environment.site_packages, pins):
        raise EnvironmentBuildError(
            "differs from the lock file: " + "; ".join(different[:5]), environment.folder / INSTALL_LOG
        )
    probe = "import torch; print(torch.__version__)" if wanted.torch else ""
    command = [str(environment.interpreter), "-I", "-c", probe]
    logged_command.run_logged(
        command, environment.folder / INSTALL_LOG, _format_title(5, "check"), report, clean_variables(os.environ)
    )


@contextlib.contextmanager
def _hold_build_lock(environment: Environment, report: ReportLine) -> Iterator[int]:
    """Hold the environment's file lock, and give its descriptor. Waits for whoever builds it now."""
    path = environment.folder.parent / f".{environment.folder.name}.lock"
    make_folder(path.parent)
    with open_to_append(path) as file:
        began = time.monotonic()
        while not _try_lock(file.fileno()):
            waited = int(time.monotonic() - began)
            if waited % int(logged_command.REPORT_INTERVAL) == 0:
                report(f"waiting for another installation in {environment.folder}: {waited} s")
            time.sleep(1)
        yield file.fileno()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _describe_progress(environment: Environment, pins: Mapping[str, str]) -> str:
    names = installed_packages.read_installed_versions(environment.site_packages).keys() & pins.keys()
    in_place = f"{len(names)} of {len(pins)} packages in place"
    doing = logged_command.find_last_match(environment.folder / INSTALL_LOG, _INSTALL_STEP)
    return f"{in_place}, {doing.lower()}" if doing else in_place


def _format_title(number: int, text: str) -> str:
    return f"[{number}/5] {text}"
