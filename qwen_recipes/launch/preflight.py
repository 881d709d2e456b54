"""What has to be so before a run starts; everything that is not, at once."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.launch.alive import SILENCE, silence
from qwen_recipes.launch.contents import versions
from qwen_recipes.launch.environment import CurrentEnvironment, Environment, EnvironmentMissing, at, current, managed
from qwen_recipes.launch.fingerprints import files_of
from qwen_recipes.launch.gpu import detected_device, gpus
from qwen_recipes.launch.record import Record, read_record
from qwen_recipes.launch.requirements import read
from qwen_recipes.launch.room import too_little
from qwen_recipes.qwen.models import model_facts
from qwen_recipes.recipe.check import locate
from qwen_recipes.recipe.finding import Finding, Route
from qwen_recipes.recipe.load import Loaded


def environment_for(plan: Plan, backend: Backend, base: Path) -> Environment:
    """The environment that `run.environment` names; a folder is seen from `base`.

    Raises EnvironmentMissing, with what to do, where it is not there or not whole.
    """
    asked = plan.run.environment
    if asked == "current":
        return current(backend)
    if asked != "managed":
        return at(backend, (base / Path(asked).expanduser()).absolute())
    environment = managed(backend, plan.hardware.device)
    if not environment.ready:
        raise EnvironmentMissing(
            f"the environment of {backend.title} {backend.version} for {environment.device} is {environment.state}: "
            f"recipes env create {backend.name} --device {environment.device}"
        )
    return environment


def wrong_paths(plan: Plan, loaded: Loaded) -> list[Finding]:
    """Files that the recipe names and that are not there, and an output folder that is none, each at its line."""
    found = [
        Finding("data", "error", f"{path} is not there", route, why=f"looked for {whole.absolute()}")
        for route, path in _named(plan)
        if not _there(whole := loaded.folder / path)
    ]
    found += [
        Finding("data", "error", f"{path} can't be read", route, why="this user may not")
        for route, path in _named(plan)
        if any(not os.access(file, os.R_OK) for file in files_of(path, loaded.folder))
    ]
    if plan.model.local and (loaded.folder / plan.model.id).resolve() == (loaded.folder / plan.output.dir).resolve():
        message = "`output.dir` is the model's own folder, which the run would write over"
        found.append(Finding("output", "error", message, ("output", "dir"), instead=f"runs/{plan.name}"))
    return [locate(loaded.document, finding) for finding in found]


def _there(path: Path) -> bool:
    """Whether a file, a folder or anything that a pattern stands for is there."""
    return path.exists() or any(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def _named(plan: Plan) -> Iterator[tuple[Route, str]]:
    for split, sources in (("train", plan.data.train), ("validation", plan.data.validation)):
        for index, source in enumerate(sources):
            if source.path is not None:
                yield ("data", split, index, "path"), source.path
    for index, reward in enumerate(plan.objective.rewards):
        yield ("objective", "rewards", index, "path"), reward.path
    if not plan.chat.official:
        yield ("chat", "template"), plan.chat.template


def obstacles(plan: Plan, output: Path, base: Path) -> list[str]:
    """What on this machine keeps the run from starting, but for the environment. A local model is seen from `base`."""
    room = too_little(plan, model_facts(plan.model.id, base), output)
    return [*_no_bash(), *_no_gpu(plan), *_not_writable(output), *_busy(output), *_others(plan, output), *room]


def drifted_versions(environment: Environment) -> list[str]:
    """Packages of an environment of ours that are not as its lock has them; none for one of the person's own."""
    if environment.state != "ready" or isinstance(environment, CurrentEnvironment):
        return []
    present = versions(environment.site_packages)
    return [
        f"{environment.folder}: {name} is {present.get(name, 'missing')}, and its lock has {version}; "
        f"recipes env create {environment.backend} --device {environment.device}"
        for name, version in read(environment.lock).pins().items()
        if present.get(name, "").partition("+")[0] != version.partition("+")[0]
    ]


def live_run(output: Path) -> Record | None:
    """The record of a run that still writes to this folder."""
    record = read_record(output)
    return record if record is not None and record.state == "running" else None


def busy_message(output: Path, record: Record | None) -> str:
    """What to tell about a folder that another run writes to."""
    if record is None:
        return f"another run writes to {output}"
    if record.host != socket.gethostname():
        return (
            f"{output} holds a run that was started on {record.host} at {record.started} and gave a sign of life "
            f"{silence(output) or 0:.0f} s ago; it counts as over after {SILENCE:.0f} s without one"
        )
    return f"{output} holds a run that is going on: process {record.pid}, started at {record.started}"


def _busy(output: Path) -> Iterator[str]:
    if record := live_run(output):
        yield busy_message(output, record)


def _others(plan: Plan, output: Path) -> Iterator[str]:
    """A folder with another recipe's run."""
    record = read_record(output)
    if record is not None and record.name != plan.name and record.state != "running":
        yield (
            f"{output} holds a run of another recipe, {record.name} ({record.recipe['file']}), started at "
            f"{record.started}: give this one another output.dir, or move that one away"
        )


def _no_bash() -> Iterator[str]:
    if not shutil.which("bash"):
        yield "bash is not on PATH, and run.sh needs it"


def _no_gpu(plan: Plan) -> Iterator[str]:
    if plan.hardware.device != "cuda":
        return
    if detected_device() != "cuda":
        yield "the recipe trains on a GPU and no NVIDIA GPU was found; `hardware: {device: cpu}` tries a recipe out"
    elif (found := len(gpus())) and found < plan.hardware.gpus:
        yield f"the recipe trains on {plan.hardware.gpus} GPUs and {found} were found"


def _not_writable(output: Path) -> Iterator[str]:
    there = next(place for place in (output.absolute(), *output.absolute().parents) if place.exists())
    if not there.is_dir():
        yield f"output.dir {output}: {there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"output.dir {output}: {there} can't be written to"
