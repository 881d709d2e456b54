"""One recipe, one backend: plan, judge, render, prove."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.backends import Backend, Output
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.default import says_default
from qwen_recipes.compile.extra import conflicts, with_extra
from qwen_recipes.compile.follows import follows
from qwen_recipes.compile.prove import BadOutput, accepts, check_schema, keys_of, parse
from qwen_recipes.compile.render import NoWord, Renderer, place
from qwen_recipes.compile.scalars import unmarked
from qwen_recipes.compile.view import fields_behind
from qwen_recipes.guards import judge
from qwen_recipes.guards.limits import beyond, refusal
from qwen_recipes.recipe.fields import leaves
from qwen_recipes.recipe.finding import Finding, RecipeError
from qwen_recipes.recipe.load import Loaded
from qwen_recipes.resolve import resolve

ROWS_JSON = Output("rows.json", "rows.json.j2", "json")
"""What the program that prepares rows is told; the same for every backend."""

REWARDS_JSON = Output("rewards.json", "rewards.json.j2", "json")
"""Where the reward functions are, for `reward_functions.py`."""


@dataclass(frozen=True)
class Compiled:
    """What one backend is given: files by name, and what the guards said short of an error."""

    plan: Plan
    backend: Backend
    files: dict[str, str]
    findings: list[Finding]
    keys: dict[str, set[str]]
    """Native keys of the framework's config, and the plan's fields printed at each."""


def compile_for(loaded: Loaded, backend: Backend, folder: Path) -> Compiled:
    """The files for one backend, as they would stand in `folder`; nothing is written.

    Raises RecipeError for everything that the guards forbid or this backend can't be told, all at once.
    """
    plan = resolve(loaded, backend)
    findings = judge(plan, loaded, backend)
    refused = [f for f in findings if f.severity == "error"] + beyond(plan, loaded, backend)
    if refused:
        raise RecipeError(refused + [f for f in findings if f.severity != "error"])
    renderer = Renderer(plan, backend, place(folder, loaded.folder))
    try:
        files, keys = _render(renderer, plan, backend, loaded)
    except NoWord as error:
        fields = fields_behind(plan, error.field) or (error.field,)
        message = f"{backend.title} has no word for {error.value!r} in `{fields[0]}`"
        raise RecipeError([refusal(loaded, fields[0], message, "")]) from None
    renderer.record.note("run.environment")  # the launcher reads it
    _nothing_dropped(plan, loaded, backend, renderer.record.recipe_fields())
    return Compiled(plan, backend, files, findings, keys)


def _render(
    renderer: Renderer, plan: Plan, backend: Backend, loaded: Loaded
) -> tuple[dict[str, str], dict[str, set[str]]]:
    files, keys = renderer.copied(), {}
    shared = [ROWS_JSON, REWARDS_JSON] if plan.objective.rewards else [ROWS_JSON]
    for output in [*backend.outputs(plan), *shared]:
        text = renderer.render(output)
        if output.config:
            keys = keys_of(parse(output, renderer.render(output, marked=True)))
            _extra_agrees(renderer, loaded, output, keys)
            text = with_extra(text, plan.extra, backend.name)
        if output.kind != "shell":
            data = parse(output, text)
            if output.config:
                _schema_agrees(plan, loaded, backend, output, data, keys)
        files[output.name] = unmarked(text)
    return files, keys


def _extra_agrees(renderer: Renderer, loaded: Loaded, output: Output, keys: dict[str, set[str]]) -> None:
    plan, backend = renderer.plan, renderer.backend
    asked = {
        path: fields[0]
        for path in {path for paths in keys.values() for path in paths}
        if (fields := [f for f in fields_behind(plan, path) if f in plan.asked])
    }
    clashes = conflicts(plan.extra, keys, asked)
    clashes |= follows(renderer, loaded, output, [key for key in plan.extra if key not in clashes])
    if clashes:
        raise RecipeError(
            [
                refusal(
                    loaded,
                    f"backends.{backend.name}.extra.{native}",
                    f"`{native}` contradicts `{field}` of the recipe",
                    f"say it once, as `{field}`",
                )
                for native, field in clashes.items()
            ]
        )


def _schema_agrees(
    plan: Plan, loaded: Loaded, backend: Backend, output: Output, data: Any, keys: dict[str, set[str]]
) -> None:
    """Raises RecipeError for what a person asked that the schema refuses, BadOutput for what only a template says."""
    try:
        check_schema(backend, output, data)
    except BadOutput as error:
        found = []
        for key, said in error.problems:
            top = key.split(".")[0].split("[")[0]
            field = f"backends.{backend.name}.extra.{top}" if top in plan.extra else _field_at(plan, keys, top)
            if field is None:
                raise
            able = [v for v in backend.versions if accepts(backend.at(v), output, top, data[top])]
            instead = f"{backend.title} {' or '.join(able)} can" if able else "another backend may"
            message = f"{backend.title} {backend.version}: `{key}`: {said}"
            found.append(refusal(loaded, field, message, "" if top in plan.extra and not able else instead))
        raise RecipeError(found) from None


def _field_at(plan: Plan, keys: dict[str, set[str]], native: str) -> str | None:
    """The recipe's field that the framework is told by this key: one that the person wrote, if there is one."""
    paths = sorted(path for key, of in keys.items() if key.split(".")[0].split("[")[0] == native for path in of)
    fields = [field for path in paths for field in fields_behind(plan, path)]
    return next((f for f in fields if f in plan.asked), None) or next(iter(fields or paths), None)


def _nothing_dropped(plan: Plan, loaded: Loaded, backend: Backend, read: set[str]) -> None:
    """The first promise: a field that the person wrote and nothing read is an error, unless it says the default."""
    ours = {path for path, field in leaves().items() if field.read_by == "tool"}
    unread = sorted(
        path for path in plan.asked if path not in read and path not in ours and not path.startswith("backends.")
    )
    dropped = [path for path in unread if not says_default(loaded, backend, plan, path)]
    if dropped:
        message = "{} is told nothing of `{}`".format
        why = "a field without effect is never dropped in silence"
        raise RecipeError([refusal(loaded, path, message(backend.title, path), "remove it", why) for path in dropped])
