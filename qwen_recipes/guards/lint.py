"""All problems of a recipe: errors of the spec and findings of the guards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_recipes.finding import Finding, RecipeError, limit_findings
from qwen_recipes.recipe.file_content import FileContent, load_file_content
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.overrides import OverrideError
from qwen_recipes.recipe.written_values import read_recipe_yaml
from qwen_recipes.yaml_text.nodes import Document, Scalar

_BACKEND_ROUTE = ("run", "backend")


@dataclass(frozen=True)
class LintedText:
    """The findings of a text in the order of the file, and its recipes; none where it can't be loaded."""

    findings: list[Finding]
    recipes: list[LoadedRecipe]


def lint_text(
    content: bytes | str,
    name: str,
    folder: Path,
    backend: str | None = None,
    sets: tuple[str, ...] = (),
    version: str | None = None,
    *,
    check_data: bool = False,
    stage: str = "",
) -> LintedText:
    """Every finding of a recipe's text; `name` is what findings call it.

    With `check_data`, data files that do not exist are warnings. Of a pipeline, all stages are looked at, or `stage`.

    Raises OverrideError for what is no override.
    """
    try:
        loaded = load_file_content(content, name, folder, sets, stage)
    except OverrideError:
        raise
    except RecipeError as error:
        return LintedText([*error.findings, *_find_unknown_backend(content, name)], [])
    return LintedText(_lint_content(loaded, backend, version, check_data=check_data), loaded.recipes)


def _find_unknown_backend(content: bytes | str, name: str) -> list[Finding]:
    """A `run.backend` that is no framework, in a text that cannot be loaded for other reasons."""
    from qwen_recipes.backends import UnknownBackendError, load_backend

    try:
        document = read_recipe_yaml(content, name)
        node = document.find_node(_BACKEND_ROUTE)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            load_backend(node.value)
    except UnknownBackendError as error:
        return [_make_unknown_backend_finding(document, error)]
    except RecipeError:
        pass
    return []


def _make_unknown_backend_finding(document: Document, error: Exception) -> Finding:
    from qwen_recipes.recipe.locate import locate_finding

    message, _, instead = str(error).partition("; ")
    return locate_finding(document, Finding("recipe", "error", message, _BACKEND_ROUTE, suggestion=instead))


def _lint_content(content: FileContent, backend: str | None, version: str | None, *, check_data: bool) -> list[Finding]:
    found = {one.part: _lint_loaded(one, backend, version, check_data=check_data) for one in content.recipes}
    merges = _find_merge_errors(content)
    if len(found) < 2:
        return limit_findings([*(one for every in found.values() for one in every), *merges])
    joined = _join_findings(found, "trial" if content.recipes[0].trial else "stage")
    joined = sorted([*joined, *merges], key=lambda f: f.span.line if f.span else 0)
    more = [] if _has_error(joined) else _find_sweep_errors(content, backend)
    return limit_findings(joined + more)


def _has_error(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _find_merge_errors(content: FileContent) -> list[Finding]:
    """Merges of a pipeline whose models cannot become one."""
    from qwen_recipes.guards.merged_models import find_unequal_models

    return find_unequal_models(content.pipeline) if content.pipeline is not None else []


def _find_sweep_errors(content: FileContent, backend: str | None) -> list[Finding]:
    """Why the trials of a sweep cannot be ranked."""
    from qwen_recipes.resolve.sweep_metric import choose_sweep_metric

    found: list[Finding] = []
    for sweep in content.sweeps:
        try:
            choose_sweep_metric(sweep, None if backend == "all" else backend)
        except RecipeError as error:
            found += error.findings
    return found


def _lint_loaded(loaded: LoadedRecipe, backend: str | None, version: str | None, *, check_data: bool) -> list[Finding]:
    try:
        found = lint_recipe(loaded, backend, version)
    except RecipeError as error:
        return error.findings
    if check_data:
        from qwen_recipes.guards.missing_data import find_missing_data
        from qwen_recipes.guards.text_files import find_text_files

        found = sorted(
            [*found, *find_missing_data(loaded), *find_text_files(loaded)], key=lambda f: f.span.line if f.span else 0
        )
    return found


def _join_findings(by_part: dict[str, list[Finding]], kind: str) -> list[Finding]:
    """Findings of all stages or trials, each once; one that not all have says which. Fixes are for one recipe only."""
    stages: dict[tuple[object, ...], list[str]] = {}
    first: dict[tuple[object, ...], Finding] = {}
    for stage, findings in by_part.items():
        for finding in findings:
            key: tuple[object, ...] = (finding.code, finding.file, finding.span, finding.message)
            first.setdefault(key, finding)
            if stage not in stages.setdefault(key, []):
                stages[key].append(stage)
    joined = []
    for key, finding in first.items():
        names = "" if len(stages[key]) == len(by_part) else f" ({kind} {format_names(stages[key])})"
        joined.append(replace(finding, message=finding.message + names, fix=None))
    return sorted(joined, key=lambda f: (f.span.line if f.span else 0, f.code))


def format_names(names: list[str]) -> str:
    """The first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def lint_recipe(loaded: LoadedRecipe, backend: str | None, version: str | None = None) -> list[Finding]:
    """Findings of the guards for the recipe's backend, or for all backends if none or `all` is named; each once.

    If a backend, or `all`, is named, unsupported settings are errors too.

    Raises RecipeError if the recipe cannot be resolved.
    """
    from qwen_recipes.backends import UnknownBackendError
    from qwen_recipes.guards.missing_template import find_missing_template
    from qwen_recipes.guards.runner import run_guards
    from qwen_recipes.guards.unsupported import find_unsupported
    from qwen_recipes.resolve.choose_backend import ALL_BACKENDS, choose_backends, get_named_backend

    name = get_named_backend(loaded, backend)
    try:
        chosen = choose_backends(loaded, name or ALL_BACKENDS, version)[0]
    except UnknownBackendError as error:
        return [_make_unknown_backend_finding(loaded.document, error)]
    found: dict[tuple[object, ...], Finding] = {}
    for one in chosen:
        refused = find_missing_template(one.plan, loaded)
        refused += find_unsupported(one.plan, loaded, one.backend) if name else []
        for finding in [*run_guards(one.plan, loaded, one.backend), *refused]:
            found.setdefault((finding.code, finding.route, finding.message), finding)
    return sorted(found.values(), key=lambda f: (f.span.line if f.span else 0, f.code))


LintFunction = Callable[[str], list[Finding]]
"""Findings of a text: what `lint_text` says, with everything but the text decided."""
