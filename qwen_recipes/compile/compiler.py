"""One recipe, one backend: plan, judge, render, prove."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.backends import Backend, Output, backends
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.default import says_default
from qwen_recipes.compile.extra import conflicts, with_extra
from qwen_recipes.compile.prove import BadOutput, check_schema, keys_of, parse
from qwen_recipes.compile.render import NoWord, Renderer, place
from qwen_recipes.compile.scalars import unmarked
from qwen_recipes.compile.view import fields_behind
from qwen_recipes.guards import judge
from qwen_recipes.recipe.check import locate
from qwen_recipes.recipe.fields import leaves
from qwen_recipes.recipe.finding import Finding, RecipeError, Route
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
    refused = [f for f in findings if f.severity == "error"] + _beyond(plan, loaded, backend)
    if refused:
        raise RecipeError(refused + [f for f in findings if f.severity != "error"])
    renderer = Renderer(plan, backend, place(folder, loaded.folder))
    try:
        files, keys = _render(renderer, plan, backend, loaded)
    except NoWord as error:
        fields = fields_behind(plan, error.field) or (error.field,)
        message = f"{backend.title} has no word for {error.value!r} in `{fields[0]}`"
        raise RecipeError([_refusal(loaded, fields[0], message, "")]) from None
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
            _extra_agrees(plan, loaded, backend, keys)
            text = with_extra(text, plan.extra, backend.name)
        if output.kind != "shell":
            data = parse(output, text)
            if output.config:
                _schema_agrees(plan, loaded, backend, output, data)
        files[output.name] = unmarked(text)
    return files, keys


def _beyond(plan: Plan, loaded: Loaded, backend: Backend) -> list[Finding]:
    """What this backend can't be told, each with the backends that can."""
    found = []
    for limit in backend.limits:
        if limit.applies(plan):
            able = [b.title for b in backends() if not _limited(b, plan, limit.field)]
            instead = f"{' or '.join(able)} can" if able else "no backend can"
            message = f"{backend.title} {backend.version} can't do what `{limit.field}` asks"
            found.append(_refusal(loaded, limit.field, message, instead, limit.why))
    return found


def _limited(backend: Backend, plan: Plan, field: str) -> bool:
    return any(limit.field == field and limit.applies(plan) for limit in backend.limits)


def _refusal(loaded: Loaded, field: str, message: str, instead: str, why: str = "") -> Finding:
    route: Route = tuple(field.replace("[]", "").split("."))
    return locate(loaded.document, Finding("backend", "error", message, route, why=why, instead=instead))


def _extra_agrees(plan: Plan, loaded: Loaded, backend: Backend, keys: dict[str, set[str]]) -> None:
    asked = {
        path: fields[0]
        for path in {path for paths in keys.values() for path in paths}
        if (fields := [f for f in fields_behind(plan, path) if f in plan.asked])
    }
    clashes = conflicts(plan.extra, keys, asked)
    if clashes:
        raise RecipeError(
            [
                _refusal(
                    loaded,
                    f"backends.{backend.name}.extra.{native}",
                    f"`{native}` contradicts `{field}` of the recipe",
                    f"say it once, as `{field}`",
                )
                for native, field in clashes.items()
            ]
        )


def _schema_agrees(plan: Plan, loaded: Loaded, backend: Backend, output: Output, data: object) -> None:
    try:
        check_schema(backend, output, data)
    except BadOutput as error:
        top = {key.split(".")[0].split("[")[0] for key, _ in error.problems}
        if not top <= set(plan.extra):
            raise
        raise RecipeError(
            [
                _refusal(
                    loaded,
                    f"backends.{backend.name}.extra.{key.split('.')[0]}",
                    f"{backend.title}: `{key}`: {said}",
                    "",
                )
                for key, said in error.problems
            ]
        ) from None


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
        raise RecipeError([_refusal(loaded, path, message(backend.title, path), "remove it", why) for path in dropped])
