"""From what a person wants to a plan in which nothing is left open."""

from __future__ import annotations

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import OutputPlan, Plan, RunPlan, TrackingPlan
from qwen_recipes.recipe.check import locate
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.load import Loaded
from qwen_recipes.recipe.part import written
from qwen_recipes.recipe.parts.place import Output, Run, Tracking
from qwen_recipes.recipe.parts.training import Training
from qwen_recipes.resolve.batch import resolve_batch
from qwen_recipes.resolve.data import resolve_data
from qwen_recipes.resolve.hardware import find_gpu, resolve_hardware
from qwen_recipes.resolve.method import resolve_method, resolve_quantization
from qwen_recipes.resolve.model import find_model, resolve_chat, resolve_model
from qwen_recipes.resolve.notes import Notes
from qwen_recipes.resolve.objective import check_groups, resolve_objective
from qwen_recipes.resolve.own_template import settle_template
from qwen_recipes.resolve.training import resolve_length, resolve_training


def resolve(loaded: Loaded, backend: Backend) -> Plan:
    """The plan of a recipe for one backend. Raises RecipeError with every problem, each at its line."""
    notes = Notes()
    try:
        plan = _resolve(loaded, backend, notes)
    except RecipeError as error:
        raise RecipeError([locate(loaded.document, finding) for finding in error.findings]) from None
    if notes.problems:
        raise RecipeError([locate(loaded.document, finding) for finding in notes.problems])
    return plan


def _resolve(loaded: Loaded, backend: Backend, notes: Notes) -> Plan:
    recipe = loaded.recipe
    training = recipe.training or Training()
    facts = find_model(recipe, loaded.folder, notes)
    gpu = find_gpu(recipe, notes)
    hardware = resolve_hardware(recipe, notes)
    length = resolve_length(training, facts.max_positions, notes)
    batch = resolve_batch(training, hardware, gpu, length, notes)
    objective = resolve_objective(recipe, notes)
    data = resolve_data(recipe.data, objective.type, notes)
    check_groups(objective, batch, hardware, validates=data.validates, notes=notes)
    method = resolve_method(recipe, facts, notes)
    options = (recipe.backends or {}).get(backend.name)
    plan = Plan(
        name=loaded.name,
        recipe_hash=loaded.hash,
        backend=backend.name,
        backend_version=backend.version,
        model=resolve_model(recipe, facts, notes),
        data=data,
        chat=resolve_chat(recipe.chat, objective.type, facts, loaded.folder, notes),
        objective=objective,
        method=method,
        quantization=resolve_quantization(recipe, hardware.strategy, notes),
        training=resolve_training(training, objective, facts, method, data, hardware, batch, length, notes),
        hardware=hardware,
        output=_output(loaded, notes),
        tracking=_tracking(loaded, notes),
        run=_run(recipe.run, notes),
        asked=written(recipe),
        reasons=notes.reasons,
        allow=dict(recipe.allow or {}),
        extra=dict((options.extra if options else None) or {}),
    )
    return settle_template(plan, facts, backend, notes)


def _output(loaded: Loaded, notes: Notes) -> OutputPlan:
    output = loaded.recipe.output or Output()
    hub = output.hub
    return OutputPlan(
        dir=notes.pick("output.dir", output.dir, f"runs/{loaded.name}", "named after the recipe"),
        hub=notes.pick("output.hub", hub.id if hub else None, None, "nothing is pushed", field="output.hub.id"),
        hub_private=notes.pick(
            "output.hub_private", hub.private if hub else None, True, "only you see it", field="output.hub.private"
        ),
    )


def _tracking(loaded: Loaded, notes: Notes) -> TrackingPlan:
    t = loaded.recipe.tracking or Tracking()
    return TrackingPlan(
        to=notes.pick("tracking.to", t.to, "none", "the run's own log is enough"),
        project=notes.pick("tracking.project", t.project, loaded.name, "named after the recipe"),
        run_name=notes.pick("tracking.run_name", t.run_name, loaded.name, "named after the recipe"),
    )


def _run(run: Run | None, notes: Notes) -> RunPlan:
    asked = run.environment if run else None
    return RunPlan(notes.pick("run.environment", asked, "managed", "locked versions, apart from everything else"))
