"""What has to be so before a run starts; everything that is not, at once."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.flash_attention import format_create_command
from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.source_files import explain_no_rows, list_source_files
from qwen_recipes.environments.additional_packages import read_all_pins
from qwen_recipes.environments.choose_environment import choose_managed_environment
from qwen_recipes.environments.environment import (
    CurrentEnvironment,
    Environment,
    MissingEnvironmentError,
    find_current_environment,
    find_environment_in,
    read_environment_in,
)
from qwen_recipes.environments.gpu import DetectedGpu, has_gpu_driver
from qwen_recipes.environments.installed_packages import read_installed_versions
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.finding import Finding, Route
from qwen_recipes.gpus.catalogue import identify_gpu
from qwen_recipes.qwen.models import ModelFacts
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.runs.disk_and_memory import find_shortages
from qwen_recipes.runs.heartbeat import HEARTBEAT_TIMEOUT, seconds_since_heartbeat
from qwen_recipes.runs.record import RunRecord, read_record


def find_run_environment(
    plan: Plan, backend: Backend, recipe_folder: Path, *, trust_recipe: bool = True
) -> Environment:
    """The environment that `run.environment` names; a folder is seen from `recipe_folder`.

    Its own Python is asked, but that of a folder that the recipe brings only with `trust_recipe`.
    Raises MissingEnvironmentError, with what to do, where it is not there or not whole.
    """
    asked = plan.run.environment
    if asked == "current":
        return find_current_environment(backend, plan.hardware.device)
    if asked != "managed":
        find = find_environment_in if trust_recipe else read_environment_in
        return find(backend, (recipe_folder / expand_home(asked)).absolute(), plan.hardware.device)
    environment = choose_managed_environment(plan, backend)
    gpu = plan.hardware.gpu if environment.device == "cuda" else None
    if not environment.ready and gpu is not None and gpu.outside_cuda_wheels:
        raise MissingEnvironmentError(
            f"no environment of {backend.title} {backend.version} can be created for {gpu.name} "
            f"({gpu.outside_cuda_wheels}): install it for this GPU, and set `run: {{environment: current}}`"
        )
    if not environment.ready:
        device, additional = environment.device, environment.additional
        extra = f" with {' and '.join(additional)}" if additional else ""
        raise MissingEnvironmentError(
            f"the environment of {backend.title} {backend.version} for {device}{extra} is {environment.state}: "
            f"run `{format_create_command(backend.name, device, additional)}`"
        )
    return environment


def find_path_errors(plan: Plan, loaded: LoadedRecipe) -> list[Finding]:
    """Files that the recipe names and that are not there, and an output folder that is none, each at its line."""
    found = [
        Finding("data", "error", message, route, why=f"looked in {loaded.folder.absolute()}")
        for route, path in _iter_recipe_paths(plan)
        if (message := explain_no_rows(path, loaded.folder))
    ]
    found += [
        Finding("data", "error", f"{path}: cannot read", route, why="permission denied")
        for route, path in _iter_recipe_paths(plan)
        if any(not os.access(file, os.R_OK) for file in list_source_files(path, loaded.folder))
    ]
    if plan.model.local and os.path.realpath(loaded.folder / plan.model.id) == os.path.realpath(
        loaded.folder / plan.output.dir
    ):
        message = "`output.dir` is the model's folder, which the run would overwrite"
        found.append(Finding("output", "error", message, ("output", "dir"), suggestion=f"runs/{plan.name}"))
    return [locate_finding(loaded.document, finding) for finding in found]


def _iter_recipe_paths(plan: Plan) -> Iterator[tuple[Route, str]]:
    for split, sources in (("train", plan.data.train), ("validation", plan.data.validation)):
        for index, source in enumerate(sources):
            if source.path is not None:
                yield ("data", split, index, "path"), source.path
    for index, reward in enumerate(plan.objective.rewards):
        yield ("objective", "rewards", index, "path"), reward.path
    if not plan.chat.compiled_in:
        yield ("chat", "template"), plan.chat.template


def find_obstacles(plan: Plan, output: Path, model: ModelFacts, gpus: Sequence[DetectedGpu]) -> list[str]:
    """What on this machine keeps the run from starting, but for the environment; `gpus` are those here."""
    room = find_shortages(plan, model, output)
    return [
        *_check_bash(),
        *_check_gpus(plan, gpus),
        *_check_precision(plan, gpus),
        *_check_writable(output),
        *_check_busy(output),
        *_check_other_recipe(plan, output),
        *room,
    ]


def find_drifted_packages(environment: Environment) -> list[str]:
    """Packages of an environment of ours that are not as its lock has them; none for one of the person's own."""
    if environment.state != "ready" or isinstance(environment, CurrentEnvironment):
        return []
    present = read_installed_versions(environment.site_packages)
    return [
        f"{environment.folder}: {name} is {present.get(name, 'missing')}, but the lock file has {version}; "
        f"{format_create_command(environment.backend, environment.device, environment.additional)}"
        for name, version in read_all_pins(environment.locks).items()
        if present.get(name, "").partition("+")[0] != version.partition("+")[0]
    ]


def find_live_run(output: Path) -> RunRecord | None:
    """The record of a run that still writes to this folder."""
    record = read_record(output)
    return record if record is not None and record.state == "running" else None


def format_busy_message(output: Path, record: RunRecord | None) -> str:
    """What to tell about a folder that another run writes to."""
    if record is None:
        return f"another run uses {output}"
    if record.host != socket.gethostname():
        return (
            f"{output} is used by a run started on {record.host} at {record.started}, last active "
            f"{seconds_since_heartbeat(output) or 0:.0f} s ago; "
            f"it counts as ended after {HEARTBEAT_TIMEOUT:.0f} s of inactivity"
        )
    return f"{output} is used by an active run: process {record.pid}, started at {record.started}"


def _check_busy(output: Path) -> Iterator[str]:
    if record := find_live_run(output):
        yield format_busy_message(output, record)


def _check_other_recipe(plan: Plan, output: Path) -> Iterator[str]:
    """A folder with another recipe's run."""
    record = read_record(output)
    if record is not None and record.name != plan.name and record.state != "running":
        yield (
            f"{output} holds a run of another recipe, {record.name} ({record.recipe['file']}), started at "
            f"{record.started}: set another output.dir, or move that run"
        )


def _check_bash() -> Iterator[str]:
    if not shutil.which("bash"):
        yield "bash is not on PATH; run.sh needs it"


def _check_gpus(plan: Plan, gpus: Sequence[DetectedGpu]) -> Iterator[str]:
    if plan.hardware.device != "cuda":
        return
    if not gpus and not has_gpu_driver():
        yield "no NVIDIA or AMD GPU found; to try a recipe without one, set `hardware: {device: cpu}`"
    elif gpus and len(gpus) < plan.hardware.gpus:
        yield f"the recipe needs {plan.hardware.gpus} GPUs, found {len(gpus)}"


def _check_precision(plan: Plan, gpus: Sequence[DetectedGpu]) -> Iterator[str]:
    """bf16, planned where no GPU or another one is named, on a GPU that has none (QR407)."""
    if plan.hardware.device != "cuda" or plan.training.precision != "bf16":
        return
    for gpu in dict.fromkeys(identify_gpu(one.name, one.memory / 1024) for one in gpus):
        if gpu is not None and not gpu.supports_bf16:
            yield f"{gpu.name} does not support bf16: set `hardware.gpu: {gpu.name}`"


def _check_writable(output: Path) -> Iterator[str]:
    there = next(place for place in (output.absolute(), *output.absolute().parents) if place.exists())
    if not there.is_dir():
        yield f"output.dir {output}: {there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"output.dir {output}: {there} is not writable"
