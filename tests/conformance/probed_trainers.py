"""Recipes started by the real frameworks up to their trainers: many in one process of each framework."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_recipes.backends import Backend, load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.verify.trainer_comparison import TrainerCheck
from qwen_recipes.verify.trainer_probe.checks import check_trainer
from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeJob, prepare_probe, run_probes

Edits = Mapping[str, str]
"""Keys of a compiled train.yaml with the text of another value: the fault that a probe has to find."""


@dataclass
class ProbedRecipe:
    """One recipe at one trainer. `refused` are the codes of the guards and limits where it does not compile."""

    recipe: Path
    plan: Plan | None = None
    job: ProbeJob | None = None
    observation: dict[str, Any] = field(default_factory=dict)
    refused: tuple[str, ...] = ()

    def check(self) -> dict[str, TrainerCheck]:
        """The table of checks, by field."""
        assert self.plan is not None and self.job is not None, self.refused
        assert "error" not in self.observation, self.observation["error"]
        checks = check_trainer(self.plan, self.job, self.observation, self.recipe.parent)
        return {check.field: check for check in checks}

    def list_differing(self) -> list[str]:
        """Fields that differ."""
        return [name for name, check in self.check().items() if check.result == "differs"]


def probe_recipes(
    backend: Backend,
    interpreter: Path,
    recipes: Mapping[str, Path],
    folder: Path,
    edits: Mapping[str, Edits] | None = None,
) -> dict[str, ProbedRecipe]:
    """What stands at the framework's trainer for each recipe, by its name; the framework is imported once for all.

    `edits` change the compiled train.yaml of some. Works below `folder`.
    """
    found = {name: _prepare(backend, recipe, folder / name) for name, recipe in recipes.items()}
    for name, changes in (edits or {}).items():
        _edit_config(found[name], changes)
    run_probes(backend.name, interpreter, [one.job for one in found.values() if one.job], folder / "scratch")
    for one in found.values():
        if one.job:
            one.observation = json.loads(one.job.out.read_text("utf-8"))
    return found


def _prepare(backend: Backend, recipe: Path, folder: Path) -> ProbedRecipe:
    loaded = load_recipe(str(recipe))
    try:
        plan = compile_recipe(loaded, backend, folder).plan
    except RecipeError as error:
        codes = tuple(finding.code for finding in error.findings if finding.severity == "error")
        return ProbedRecipe(recipe, refused=codes)
    folder.mkdir(parents=True, exist_ok=True)
    return ProbedRecipe(recipe, plan, prepare_probe(loaded, plan, backend, folder))


def _edit_config(probed: ProbedRecipe, changes: Edits) -> None:
    assert probed.job is not None
    config = probed.job.file.parent / "compiled" / "train.yaml"
    text = config.read_text("utf-8")
    for key, value in changes.items():
        text, count = re.subn(rf"^{re.escape(key)}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
        assert count == 1, f"{key} is not in the compiled config"
    config.write_text(text, "utf-8")


class TrainerProbes:
    """Probes of a list of recipes, made once for each framework and kept for the session."""

    def __init__(self, interpreter: Callable[[str], Path], folder: Path) -> None:
        self.interpreter, self.folder = interpreter, folder
        self.kept: dict[tuple[str, str], dict[str, ProbedRecipe]] = {}

    def probe(
        self, backend: str, group: str, recipes: Mapping[str, Path], edits: Mapping[str, Edits] | None = None
    ) -> dict[str, ProbedRecipe]:
        """The recipes of a group at a framework's trainer; skips the test without its environment."""
        key = (backend, group)
        if key not in self.kept:
            python = self.interpreter(backend)
            folder = self.folder / group / backend
            self.kept[key] = probe_recipes(load_backend(backend), python, recipes, folder, edits)
        return self.kept[key]
