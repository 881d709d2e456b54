"""One recipe, one backend: plan, judge, render, prove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_recipes.backends import Backend, OutputFile
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.extra_conflicts import find_indirect_conflicts
from qwen_recipes.compile.extra_contradictions import choose_field_to_write, find_contradicted_fields
from qwen_recipes.compile.extra_keys import (
    append_extra_keys,
    find_extra_conflicts,
    join_values,
    select_replacing_keys,
)
from qwen_recipes.compile.redundant_fields import is_redundant_field
from qwen_recipes.compile.render import NoNativeValueError, Renderer, make_recipe_path
from qwen_recipes.compile.traced_plan import find_source_fields
from qwen_recipes.compile.validate_output import (
    InvalidOutputError,
    check_schema,
    collect_native_keys,
    parse_output,
    schema_accepts,
)
from qwen_recipes.compile.value_formats import remove_marks
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.guards import run_guards
from qwen_recipes.guards.missing_template import find_missing_template
from qwen_recipes.guards.unsupported import find_unsupported, make_backend_error
from qwen_recipes.recipe.field_index import index_fields
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve import BackendRecipe

ROWS_JSON = OutputFile("rows.json", "rows.json.j2", "json")
"""What the program that prepares rows is told; the same for every backend."""

REWARDS_JSON = OutputFile("rewards.json", "rewards.json.j2", "json")
"""Where the reward functions are, for `reward_functions.py`."""


@dataclass(frozen=True)
class CompiledRecipe:
    """What one backend is given: files by name, and what the guards said short of an error."""

    recipe: BackendRecipe
    folder: Path
    """Where the files would stand."""
    files: dict[str, str]
    findings: list[Finding]
    keys: dict[str, set[str]]
    """Native keys of the framework's config, and the plan's fields printed at each."""

    @property
    def loaded(self) -> LoadedRecipe:
        """The recipe that was compiled."""
        return self.recipe.loaded

    @property
    def plan(self) -> Plan:
        """What the recipe is resolved to."""
        return self.recipe.plan

    @property
    def backend(self) -> Backend:
        """The backend that it was compiled for."""
        return self.recipe.backend


def compile_recipe(loaded: LoadedRecipe, backend: Backend, folder: Path) -> CompiledRecipe:
    """The files for one backend, as for the folder `folder`; nothing is written.

    Raises RecipeError with every guard's error and every setting that this backend does not support.
    """
    return compile_backend_recipe(BackendRecipe(loaded, backend), folder)


def compile_backend_recipe(recipe: BackendRecipe, folder: Path) -> CompiledRecipe:
    """As `compile_recipe`, with what is already known of the recipe for its backend. Raises RecipeError."""
    plan, loaded, backend = recipe.plan, recipe.loaded, recipe.backend
    findings = run_guards(plan, loaded, backend)
    refused = [
        *(f for f in findings if f.severity == "error"),
        *find_missing_template(plan, loaded),
        *find_unsupported(plan, loaded, backend),
    ]
    if refused:
        raise RecipeError(refused + [f for f in findings if f.severity != "error"])
    return render_recipe(recipe, folder, findings)


def render_recipe(recipe: BackendRecipe, folder: Path, findings: list[Finding]) -> CompiledRecipe:
    """The files as they would stand in `folder`, of a checked recipe with its `findings`. Raises RecipeError."""
    plan, loaded, backend = recipe.plan, recipe.loaded, recipe.backend
    renderer = Renderer(plan, backend, make_recipe_path(folder, loaded), loaded.folder)
    try:
        files, keys = _render_outputs(renderer, plan, backend, loaded)
    except NoNativeValueError as error:
        fields = find_source_fields(plan, error.field) or (error.field,)
        message = f"{backend.title} does not support {error.value!r} for `{fields[0]}`"
        raise RecipeError([make_backend_error(loaded, fields[0], message, "")]) from None
    renderer.record.mark_read("run.environment")  # the launcher reads it
    _check_nothing_dropped(plan, loaded, backend, renderer.record.list_recipe_fields())
    return CompiledRecipe(recipe, folder, files, findings, keys)


def _render_outputs(
    renderer: Renderer, plan: Plan, backend: Backend, loaded: LoadedRecipe
) -> tuple[dict[str, str], dict[str, set[str]]]:
    files, keys = renderer.get_copied_files(), {}
    shared = [ROWS_JSON, REWARDS_JSON] if plan.objective.rewards else [ROWS_JSON]
    for output in [*backend.list_output_files(plan), *shared]:
        text = renderer.render(output)
        if output.config:
            keys = collect_native_keys(parse_output(output, renderer.render(output, marked=True)))
            _check_extra_conflicts(renderer, loaded, output, keys)
            extra = join_values(plan.extra, parse_output(output, text), backend.joined_lists)
            text = append_extra_keys(text, extra, backend.name)
        if output.kind != "shell":
            data = parse_output(output, text)
            if output.config:
                _check_config_schema(plan, loaded, backend, output, data, keys)
        files[output.name] = remove_marks(text)
    return files, keys


def _check_extra_conflicts(
    renderer: Renderer, loaded: LoadedRecipe, output: OutputFile, keys: dict[str, set[str]]
) -> None:
    backend = renderer.backend
    compiled = parse_output(output, renderer.render(output))
    plan = replace(renderer.plan, extra=select_replacing_keys(renderer.plan.extra, compiled, backend.joined_lists))
    asked = {
        path: fields[0]
        for path in {path for paths in keys.values() for path in paths}
        if (fields := [f for f in find_source_fields(plan, path) if f in plan.set_fields])
    }
    clashes = find_extra_conflicts(plan.extra, keys, asked)
    clashes |= find_indirect_conflicts(renderer, loaded, output, [key for key in plan.extra if key not in clashes])
    clashes = {
        **find_contradicted_fields(plan, backend, compiled, keys),
        **clashes,
    }
    if clashes:
        raise RecipeError(
            [
                make_backend_error(
                    loaded,
                    f"backends.{backend.name}.extra.{native}",
                    f"`{native}` contradicts `{field}` of the recipe",
                    f"remove the native key and set `{choose_field_to_write(backend, native, field, keys)}`",
                )
                for native, field in clashes.items()
            ]
        )


def _check_config_schema(
    plan: Plan, loaded: LoadedRecipe, backend: Backend, output: OutputFile, data: Any, keys: dict[str, set[str]]
) -> None:
    """Hold a config against its schema.

    Raises RecipeError for what a person asked that the schema refuses, InvalidOutputError for what only a template
    says.
    """
    try:
        check_schema(backend, output, data)
    except InvalidOutputError as error:
        found = []
        for key, said in error.problems:
            top = key.split(".")[0].split("[")[0]
            field = f"backends.{backend.name}.extra.{top}" if top in plan.extra else _find_field_of_key(plan, keys, top)
            if field is None:
                raise
            able = [v for v in backend.versions if schema_accepts(backend.at_version(v), output, top, data[top])]
            instead = f"supported by {backend.title} {' and '.join(able)}" if able else "use another framework"
            message = f"{backend.title} {backend.version}: `{key}`: {said}"
            found.append(make_backend_error(loaded, field, message, "" if top in plan.extra and not able else instead))
        raise RecipeError(found) from None


def _find_field_of_key(plan: Plan, keys: dict[str, set[str]], native: str) -> str | None:
    """The recipe's field that the framework is told by this key: one that the person wrote, if there is one."""
    paths = sorted(path for key, of in keys.items() if key.split(".")[0].split("[")[0] == native for path in of)
    fields = [field for path in paths for field in find_source_fields(plan, path)]
    return next((f for f in fields if f in plan.set_fields), None) or next(iter(fields or paths), None)


def _check_nothing_dropped(plan: Plan, loaded: LoadedRecipe, backend: Backend, fields_read: set[str]) -> None:
    """The first promise: a field that the person wrote and nothing read is an error, unless it says the default."""
    ours = {path for path, field in index_fields().items() if field.read_by == "tool"}
    unread = sorted(
        path
        for path in plan.set_fields
        if path not in fields_read and path not in ours and not path.startswith("backends.")
    )
    dropped = [path for path in unread if not is_redundant_field(loaded, backend, plan, path)]
    if dropped:
        message = "{} does not receive `{}`".format
        why = "a field that has no effect is an error"
        raise RecipeError(
            [make_backend_error(loaded, path, message(backend.title, path), "remove it", why) for path in dropped]
        )
