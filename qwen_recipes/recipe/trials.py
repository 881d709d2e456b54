"""From a file with a sweep to a recipe for each trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.recipe.composition.extends import compose_document
from qwen_recipes.recipe.composition.paths import fill_in_variables
from qwen_recipes.recipe.composition.sweep_key import SWEEP, has_sweep
from qwen_recipes.recipe.composition.sweeps import (
    TrialDocument,
    expand_sweep,
    get_sweep_name,
    get_sweep_output,
    make_trial,
)
from qwen_recipes.recipe.load import LoadedRecipe, validate_recipe_document
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.overrides import apply_overrides
from qwen_recipes.recipe.read_file import read_recipe_bytes
from qwen_recipes.recipe.spec.sweep import Sweep
from qwen_recipes.recipe.written_values import read_recipe_yaml, remember_secrets_in_overrides
from qwen_recipes.yaml_text.nodes import Document, Node, Scalar, plain_data


@dataclass(frozen=True)
class Trial:
    """One trial: its short name, the values of its fields, and its recipe."""

    name: str
    values: dict[str, Any]
    loaded: LoadedRecipe


@dataclass(frozen=True)
class LoadedSweep:
    """A sweep with its trials. Of a search, `trials` are samples: each listed value, and the ends of each range."""

    name: str
    spec: Sweep
    fields: tuple[str, ...]
    """The fields that differ between trials."""
    trials: list[Trial]
    output: Path
    """The folder that holds each trial's; the sweep's record is in it."""
    document: Document = field(repr=False)
    """The recipe without its sweep."""
    folder: Path = field(repr=False)
    written: Any = field(repr=False)
    """`sweep` as it is written."""

    def make_trial(self, name: str, values: dict[str, object]) -> Trial:
        """A trial with values that a search chose. Raises RecipeError."""
        span = self.document.layers[-1][1]
        nodes: dict[str, Node] = {key: Scalar(span, value, str(value), True) for key, value in values.items()}
        return _load_trial(make_trial(self.document, name, nodes), self.folder)


def load_trials(file: str, overrides: tuple[str, ...] = ()) -> LoadedSweep | None:
    """The sweep of a file; None where it has none. Raises RecipeReadError, or RecipeError with every problem."""
    name, folder = ("<stdin>", Path()) if file == "-" else (file, Path(file).parent)
    return load_trials_text(read_recipe_bytes(file), name, folder, overrides)


def load_trials_text(
    content: bytes | str, name: str, folder: Path, overrides: tuple[str, ...] = ()
) -> LoadedSweep | None:
    """As `load_trials`, for text: findings call it `name`, relative paths start at `folder`. Raises RecipeError."""
    remember_secrets_in_overrides(overrides)
    document = apply_overrides(compose_document(read_recipe_yaml(content, name), folder), overrides)
    return make_trials(fill_in_variables(document), folder)


def make_trials(document: Document, folder: Path, stage: str = "") -> LoadedSweep | None:
    """The sweep of a document that is laid over its bases, with overrides; None where it has none, or names one trial.

    Raises RecipeError with every problem of any trial.
    """
    if not has_sweep(document) or document.find_node((SWEEP, "trial")) is not None:
        return None
    expanded = expand_sweep(document)
    trials, problems = [], list[tuple[str, Finding]]()
    for one in expanded.trials:
        try:
            trials.append(_load_trial(one, folder, stage))
        except RecipeError as error:
            problems += [(one.name, finding) for finding in error.findings]
    if problems:
        raise RecipeError(list(merge_trial_findings(problems, [one.name for one in expanded.trials])))
    output = folder / expand_home(get_sweep_output(expanded.base))
    name = get_sweep_name(expanded.base)
    node = document.find_node((SWEEP,))
    written = plain_data(node) if node is not None else None
    return LoadedSweep(name, expanded.spec, expanded.fields, trials, output, expanded.base, folder, written)


def merge_trial_findings(findings: Iterable[tuple[str, Finding]], trials: list[str]) -> Iterator[Finding]:
    """Each finding once; one that only some trials have says which."""
    names: dict[tuple[object, ...], tuple[Finding, list[str]]] = {}
    for name, finding in findings:
        key = (finding.code, finding.message, finding.span, finding.file)
        names.setdefault(key, (finding, []))[1].append(name)
    for finding, having in names.values():
        having = list(dict.fromkeys(having))
        if len(having) == len(trials) or (finding.code == "recipe" and len(having) > 1):
            yield finding
            continue
        yield replace(finding, message=f"{finding.message} (trial {name_trials(having)})", fix=None)


def name_trials(names: list[str]) -> str:
    """`a, b, c and 4 more`."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _load_trial(one: TrialDocument, folder: Path, stage: str = "") -> Trial:
    loaded = validate_recipe_document(one.document, folder, stage)
    return Trial(one.name, one.values, replace(loaded, trial=one.name))


def locate_sweep_problem(sweep: LoadedSweep, message: str, suggestion: str = "") -> Finding:
    """A problem of the sweep as a whole, where it begins in the file."""
    span = sweep.document.layers[-1][1]
    return locate_finding(sweep.document, Finding("recipe", "error", message, suggestion=suggestion, span=span))
