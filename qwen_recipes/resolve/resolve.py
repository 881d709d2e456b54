"""From what a person wants to a plan in which nothing is left open."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import OutputPlan, Plan, RunPlan, TrackingPlan
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.objective_formats import PAIRED_OBJECTIVES
from qwen_recipes.recipe.spec.hardware_and_output import Output, Run, Tracking
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.recipe.written_fields import find_written_fields
from qwen_recipes.resolve.attention import find_largest_micro_batch, resolve_attention
from qwen_recipes.resolve.batch import SequenceSizes, resolve_batch
from qwen_recipes.resolve.checkpointing import turn_off_refused_checkpointing
from qwen_recipes.resolve.data import resolve_data
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.hardware import find_gpu, resolve_hardware
from qwen_recipes.resolve.method import resolve_method, resolve_quantization
from qwen_recipes.resolve.model import find_model, resolve_chat, resolve_model
from qwen_recipes.resolve.objective import check_generation_groups, resolve_objective
from qwen_recipes.resolve.open_settings import Choice
from qwen_recipes.resolve.origins import name_origins
from qwen_recipes.resolve.output_overlap import check_output_overlap
from qwen_recipes.resolve.packs import resolve_pack_length
from qwen_recipes.resolve.speed import choose_for_speed
from qwen_recipes.resolve.strategy import choose_fitting_strategy, is_strategy_open
from qwen_recipes.resolve.template_and_encoding import resolve_template_and_encoding
from qwen_recipes.resolve.training import resolve_sequence_length, resolve_training


def resolve(loaded: LoadedRecipe, backend: Backend) -> Plan:
    """The plan of a recipe for one backend. Raises RecipeError with every problem, each at its line."""
    plan = _resolve_cautiously(loaded, backend)
    strategy = plan.hardware.strategy if is_strategy_open(loaded, plan) else None
    return choose_for_speed(loaded, backend, plan, lambda choice: _resolve_choice(loaded, backend, choice, strategy))


def _resolve_choice(loaded: LoadedRecipe, backend: Backend, choice: Choice, strategy: str | None) -> Plan | None:
    """The plan with these values for open settings, under this strategy where the choice has none; None where it can't
    be resolved so.
    """
    filled = replace(loaded, recipe=choice.fill_in(loaded.recipe))
    try:
        plan = _resolve_with(filled, backend, strategy)
    except RecipeError:
        return None
    return replace(plan, set_fields=find_written_fields(loaded.recipe))


def _resolve_cautiously(loaded: LoadedRecipe, backend: Backend) -> Plan:
    """The plan with open settings by rules that spare memory."""
    plan = _resolve_with(loaded, backend, None)
    if not is_strategy_open(loaded, plan):
        return plan
    chosen, why = choose_fitting_strategy(
        plan, loaded.folder, backend, lambda strategy: _resolve_or_none(loaded, backend, strategy)
    )
    if not why:
        return plan
    reason = replace(chosen.reasons["hardware.strategy"], text=why)
    return replace(chosen, reasons={**chosen.reasons, "hardware.strategy": reason})


def _resolve_with(loaded: LoadedRecipe, backend: Backend, strategy: str | None) -> Plan:
    """The plan, under this strategy where the recipe leaves it open."""
    notes = PlanDecisions()
    try:
        plan = _build_plan(loaded, backend, notes, strategy)
    except RecipeError as error:
        raise RecipeError([locate_finding(loaded.document, finding) for finding in error.findings]) from None
    if notes.problems:
        raise RecipeError([locate_finding(loaded.document, finding) for finding in notes.problems])
    return replace(plan, reasons=name_origins(loaded.document, plan.reasons))


def _resolve_or_none(loaded: LoadedRecipe, backend: Backend, strategy: str) -> Plan | None:
    try:
        return _resolve_with(loaded, backend, strategy)
    except RecipeError:
        return None


def _build_plan(loaded: LoadedRecipe, backend: Backend, decisions: PlanDecisions, strategy: str | None) -> Plan:
    recipe = loaded.recipe
    training = recipe.training or Training.make_empty()
    facts = find_model(recipe, loaded.folder, decisions)
    gpu = find_gpu(recipe, decisions)
    hardware = resolve_hardware(recipe, gpu, decisions, strategy)
    sequences = _resolve_sequences(loaded, training, facts.max_positions, decisions)
    attention = resolve_attention(training, hardware, backend, decisions)
    largest = find_largest_micro_batch(training, attention, backend)
    batch = resolve_batch(training, hardware, gpu, sequences, decisions, largest)
    objective = resolve_objective(recipe, decisions)
    data = resolve_data(recipe.data, objective.type, decisions)
    check_generation_groups(objective, batch, hardware, validates=data.validates, decisions=decisions)
    output = _resolve_output(loaded, decisions)
    method = resolve_method(recipe, facts, loaded.folder, decisions)
    starts = (facts.id, method.start_from)
    check_output_overlap(data, starts, output.dir, loaded.folder, decisions)
    options = (recipe.backends or {}).get(backend.name)
    trained = resolve_training(
        training, objective, facts, method, data, hardware, batch, sequences, attention, backend, decisions
    )
    compute = trained.precision if backend.stores_quantized_in_compute_dtype else None
    plan = Plan(
        name=loaded.name,
        recipe_hash=loaded.recipe_hash,
        backend=backend.name,
        backend_version=backend.version,
        model=resolve_model(recipe, facts, decisions),
        data=data,
        chat=resolve_chat(recipe.chat, objective.type, facts, loaded.folder, decisions),
        objective=objective,
        method=method,
        quantization=resolve_quantization(recipe, facts, hardware.strategy, compute, decisions),
        training=trained,
        hardware=hardware,
        output=output,
        tracking=_resolve_tracking(loaded, decisions),
        run=_resolve_run(recipe.run, decisions),
        set_fields=find_written_fields(recipe),
        reasons=decisions.reasons,
        allow=dict(recipe.allow or {}),
        extra=dict((options.extra if options else None) or {}),
    )
    plan = resolve_template_and_encoding(plan, facts, backend, decisions)
    return turn_off_refused_checkpointing(plan, backend, decisions)


def _resolve_sequences(
    loaded: LoadedRecipe, t: Training, max_positions: int, decisions: PlanDecisions
) -> SequenceSizes:
    length = resolve_sequence_length(t, max_positions, decisions)
    pack = resolve_pack_length(t, length, decisions)
    objective = loaded.recipe.objective
    pairs = objective is not None and objective.type in PAIRED_OBJECTIVES
    return SequenceSizes(length, pack, bool(t.packing), t.overlong == "truncate", loaded.lengths, pairs)


def _resolve_output(loaded: LoadedRecipe, decisions: PlanDecisions) -> OutputPlan:
    output = loaded.recipe.output or Output.make_empty()
    hub = output.hub
    return OutputPlan(
        dir=decisions.choose_value("output.dir", output.dir, f"runs/{loaded.name}", "named after the recipe"),
        hub=decisions.choose_value("output.hub", hub.id if hub else None, None, "not pushed", field="output.hub.id"),
        hub_private=decisions.choose_value(
            "output.hub_private", hub.private if hub else None, True, "private repository", field="output.hub.private"
        ),
    )


def _resolve_tracking(loaded: LoadedRecipe, decisions: PlanDecisions) -> TrackingPlan:
    t = loaded.recipe.tracking or Tracking.make_empty()
    return TrackingPlan(
        to=decisions.choose_value("tracking.to", t.to, "none", "metrics stay in the run's folder"),
        project=decisions.choose_value("tracking.project", t.project, loaded.name, "named after the recipe"),
        run_name=decisions.choose_value("tracking.run_name", t.run_name, loaded.name, "named after the recipe"),
    )


def _resolve_run(run: Run | None, decisions: PlanDecisions) -> RunPlan:
    asked = run.environment if run else None
    return RunPlan(
        decisions.choose_value("run.environment", asked, "managed", "locked versions in a separate environment")
    )
