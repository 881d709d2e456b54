"""What `recipes run` checks before it starts anything: the machine, the environment, the data, and whether it fits."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_stderr, text
from qwen_recipes.cli.gpu_fit import assess_fit_on_gpus, describe_memory_shortfall, fits_no_gpu
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_findings
from qwen_recipes.finding import Finding
from qwen_recipes.recipe.locate import locate_finding

if TYPE_CHECKING:
    from qwen_recipes.cli.estimate_report import FitVerdict
    from qwen_recipes.compile import CompiledRecipe
    from qwen_recipes.environments.environment import Environment
    from qwen_recipes.environments.gpu import DetectedGpu

ALLOW_HINT = "to run anyway, add the reason to the recipe: `allow: {QR601: …}`"


@dataclass(frozen=True)
class EnvironmentCheck:
    """A run's environment, None where there is none, and what is wrong with it."""

    environment: Environment | None
    missing: str | None
    """Why there is none."""
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Preflight:
    """All that is known of a run before it starts; `verdicts` are the estimates for the GPUs here."""

    compiled: CompiledRecipe
    gpus: list[DetectedGpu]
    environment: Environment | None
    verdicts: list[FitVerdict]
    problems: list[str]
    """What on this machine keeps the run from starting."""
    data_errors: list[Finding]
    """Files that the recipe names and that are missing or unreadable."""
    notes: list[str]
    version_findings: list[Finding]
    """What guards find in the version that is installed in an environment of the user's own."""

    @property
    def fits(self) -> bool:
        """Whether the run fits a GPU of this machine, or the recipe allows that it does not (QR601)."""
        return not fits_no_gpu(self.verdicts) or "QR601" in self.compiled.plan.allow

    @property
    def exit_code(self) -> ExitCode:
        """The code with which `recipes run` ends before it starts; SUCCESS where it starts."""
        if self.data_errors:
            return ExitCode.INVALID_INPUT
        if not self.fits:
            return ExitCode.DOES_NOT_FIT
        broken = any(finding.severity == "error" for finding in self.version_findings)
        return ExitCode.ENVIRONMENT if self.environment is None or self.problems or broken else ExitCode.SUCCESS


class PreflightChecker:
    """Checks the runs of one command; the GPUs are detected once, and an environment is checked once.

    Without `trust_recipe` the Python of an environment that the recipe brings is not run: its files are read.
    """

    def __init__(self, *, trust_recipe: bool) -> None:
        self.trust_recipe = trust_recipe
        self.environments: dict[Hashable, EnvironmentCheck] = {}
        self.gpus: list[DetectedGpu] | None = None

    def check(self, compiled: CompiledRecipe) -> Preflight:
        """What is to be launched, and everything that keeps it from starting."""
        from qwen_recipes.runs import preflight
        from qwen_recipes.runs.run import get_output_folder

        plan, gpus = compiled.plan, self._detect_gpus()
        found = self._check_environment(compiled)
        problems = [
            *([found.missing] if found.missing else ()),
            *preflight.find_obstacles(plan, get_output_folder(compiled), compiled.recipe.model, gpus),
            *found.problems,
        ]
        notes, version_findings = _compare_versions(compiled, found.environment)
        return Preflight(
            compiled, gpus, found.environment, assess_fit_on_gpus(compiled.recipe, gpus), problems,
            [*preflight.find_path_errors(plan, compiled.loaded), *_find_tokenizer_errors(compiled)], notes,
            version_findings,
        )  # fmt: skip

    def _detect_gpus(self) -> list[DetectedGpu]:
        from qwen_recipes.environments.gpu import detect_gpus

        if self.gpus is None:
            self.gpus = detect_gpus()
        return self.gpus

    def _check_environment(self, compiled: CompiledRecipe) -> EnvironmentCheck:
        """As `_check_environment` below; once for all runs that need the same of the same environment."""
        from qwen_recipes.environments.optional_packages import list_needed_packages

        plan, backend = compiled.plan, compiled.backend
        hardware = plan.hardware
        named = (backend.name, backend.version, plan.run.environment, compiled.loaded.folder)
        needed = (hardware.device, hardware.gpu, plan.training.attention, *list_needed_packages(plan).items())
        key = (*named, *needed)
        if key not in self.environments:
            self.environments[key] = _check_environment(compiled, trust_recipe=self.trust_recipe)
        return self.environments[key]


def _find_tokenizer_errors(compiled: CompiledRecipe) -> list[Finding]:
    """A tokenizer of the model's own folder that the framework could not load."""
    from qwen_recipes.data.tokenizer import check_own_tokenizer
    from qwen_recipes.qwen.tokenizer_errors import InvalidTokenizerError

    try:
        check_own_tokenizer(compiled.recipe.model)
    except InvalidTokenizerError as error:
        return [locate_finding(compiled.loaded.document, Finding("model", "error", str(error), ("model",)))]
    return []


def _check_environment(compiled: CompiledRecipe, *, trust_recipe: bool) -> EnvironmentCheck:
    from qwen_recipes.environments.environment import UNKNOWN_VERSION, MissingEnvironmentError
    from qwen_recipes.environments.optional_packages import find_missing_packages, read_missing_packages
    from qwen_recipes.runs import preflight

    plan, folder = compiled.plan, compiled.loaded.folder
    try:
        found = preflight.find_run_environment(plan, compiled.backend, folder, trust_recipe=trust_recipe)
        problems: list[str] = []
        if trust_recipe or plan.run.environment in ("managed", "current"):
            problems += find_missing_packages(plan, found.interpreter)
        elif found.version != UNKNOWN_VERSION:
            problems += read_missing_packages(plan, found.site_packages, found.interpreter)
        return EnvironmentCheck(found, None, (*problems, *preflight.find_drifted_packages(found)))
    except MissingEnvironmentError as error:
        return EnvironmentCheck(None, str(error), ())


def _compare_versions(compiled: CompiledRecipe, environment: Environment | None) -> tuple[list[str], list[Finding]]:
    """A note where another version of the framework is installed, and what guards find in that version."""
    from qwen_recipes.environments.environment import UNKNOWN_VERSION
    from qwen_recipes.guards.runner import run_version_guards

    backend = compiled.backend
    if environment is None or environment.version == backend.version:
        return [], []
    if environment.version == UNKNOWN_VERSION:
        return [f"{environment.folder} is not checked: a dry run does not start its Python"], []
    note = (
        f"{environment.folder} has {backend.title} {environment.version}, but the files are compiled "
        f"for {backend.version}"
    )
    return [note], run_version_guards(compiled.plan, compiled.loaded, backend, environment.version)


def exit_unless_ready(preflight: Preflight) -> Environment:
    """Print everything that was found; the environment to run in, or exit 1, 3 or 4."""
    for line in (*preflight.problems, *describe_memory_shortfall(preflight.verdicts)):
        print_stderr(f"recipes: {line}")
    if preflight.data_errors:
        exit_with_findings(preflight.data_errors)
    if not preflight.fits:
        print_stderr(f"recipes: {ALLOW_HINT}")
    elif not preflight.problems:
        for note in preflight.notes:
            print_stderr(f"recipes: {note}")
        if preflight.version_findings:
            print_stderr(text(preflight.version_findings))
    if preflight.exit_code != ExitCode.SUCCESS or preflight.environment is None:
        sys.exit(preflight.exit_code)
    return preflight.environment


def list_dry_run_lines(compiled: CompiledRecipe) -> Iterator[str]:
    """What a dry run says of a run's files: how many and the most important, and which would be written."""
    from qwen_recipes.compile import find_drifted

    names = sorted(compiled.files, key=_rank_file)
    changed = sorted(find_drifted(compiled.folder, compiled.files), key=_rank_file)
    yield f"files        {len(names)} in {compiled.folder}: {_name_first(names)}"
    same = "all" if len(changed) == len(names) else _name_first(changed)
    yield f"to write     {same if changed else 'none: they are up to date'}"


MAX_NAMES = 4


def _name_first(names: list[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _rank_file(name: str) -> tuple[bool, bool, str]:
    """The launcher and the framework's config come first, then what lies beside them, then copied programs."""
    return ("/" in name, Path(name).name not in ("run.sh", "train.yaml"), name)
