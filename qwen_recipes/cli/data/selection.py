"""From the command line's files, or a recipe, to files of rows and what they are judged by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from qwen_recipes.backends.plan import SourcePlan
from qwen_recipes.cli.data.hub_rows import HubOptions, fetch_split_or_exit, find_hub_rows
from qwen_recipes.cli.hub_files import fetch_model, fetch_recipe_models
from qwen_recipes.cli.options_and_exits import (
    ExitCode,
    choose_backends_or_exit,
    exit_with_error,
    get_asked_stage,
    warn_custom_tokenizer_or_template,
)
from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.detect_format import detect_file_format
from qwen_recipes.data.first_rows import limit_files
from qwen_recipes.data.hub_dataset import HubSplit
from qwen_recipes.data.plan_template import make_plan_renderer
from qwen_recipes.data.rows.find_files import MissingSourceError, explain_empty_folder, find_row_files, is_folder
from qwen_recipes.data.rows.layouts import ANY_CONVERSATION, CONVERSATION_FORMATS
from qwen_recipes.data.rows.message_forms import RowOptions
from qwen_recipes.guards.rows.row_checker import RowCheckSettings, RowFile
from qwen_recipes.qwen.chat_templates import TEMPLATES, RenderError, read_template
from qwen_recipes.qwen.models import (
    DEFAULT_MODEL,
    ModelFacts,
    ModelFolderError,
    ModelName,
    UnknownModelError,
    UnreadableFolderError,
    get_model_facts,
)
from qwen_recipes.recipe.pipeline import load_stage
from qwen_recipes.resolve.turns import choose_default_turns


@dataclass(frozen=True)
class DataSelection:
    """Files of rows and what they are judged by; `overlong` is what the recipe does with rows that do not fit."""

    files: list[RowFile]
    rules: RowCheckSettings
    overlong: str = ""


@dataclass(frozen=True)
class DataOptions:
    """What the command line says beside the files."""

    model: str | None = None
    layout: str | None = None
    train_on: str | None = None
    limit: int | None = None
    backend: str | None = None
    sets: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    stage: str = ""
    hub: HubOptions = field(default_factory=HubOptions)


def list_stages(names: tuple[str, ...], sets: tuple[str, ...]) -> list[str]:
    """The stages whose data is meant: one asked for, each that trains, or one named by nothing. Raises RecipeError."""
    asked = get_asked_stage()
    if asked or len(names) != 1 or names[0] == "-" or not is_recipe_path(names[0]):
        return [asked]
    from qwen_recipes.recipe.pipeline import load_pipeline

    pipeline = load_pipeline(names[0], sets)
    return [stage.name for stage in pipeline.trainings] if pipeline else [""]


def is_recipe_path(name: str) -> bool:
    """Whether a path names a recipe and not rows."""
    return name == "-" or Path(name).suffix in (".yaml", ".yml")


def select_data(names: tuple[str, ...], options: DataOptions) -> DataSelection:
    """The files of rows; a problem with the call, a recipe or a model is printed and ends the process."""
    try:
        return (
            _select_from_recipe(names, options)
            if any(map(is_recipe_path, names))
            else _select_from_files(names, options)
        )
    except (UnknownModelError, UnreadableFolderError) as error:
        exit_with_error(str(error), ExitCode.USAGE)
    except ModelFolderError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except OSError as error:
        exit_with_error(f"{error.filename}: cannot read: {error.strerror}", ExitCode.USAGE)


def _select_from_files(names: tuple[str, ...], options: DataOptions) -> DataSelection:
    model = ModelName(options.model or DEFAULT_MODEL)
    fetch_model(model, Path())
    facts = get_model_facts(model)
    warn_custom_tokenizer_or_template(facts)
    template = _get_model_template(facts)
    reading = RowOptions(tool_style=template.tool_style)
    files = [(file, False) for name in names for file in find_named_files(name, options.hub)]
    files += [(file, True) for name in options.validation for file in find_named_files(name, options.hub)]
    rows = [
        RowFile(number, str(file), options.layout or _find_format(file), {}, held, reading)
        for number, (file, held) in enumerate(files)
    ]
    train_on = options.train_on or "assistant"
    turns = choose_default_turns(template.variant, "sft", train_on)
    return DataSelection(rows, RowCheckSettings(facts, template, train_on, turns=turns, limit=options.limit))


def _find_format(file: Path) -> str:
    """The format of a file's rows; of conversations each row has its own, as in a recipe."""
    found = detect_file_format(file) or "messages"
    return ANY_CONVERSATION if found in CONVERSATION_FORMATS else found


def _select_from_recipe(names: tuple[str, ...], options: DataOptions) -> DataSelection:
    if len(names) > 1:
        exit_with_error("give one recipe, or data files, not both", ExitCode.USAGE)
    if options.model or options.layout or options.validation:
        exit_with_error(
            "--model, --format-of and --validation apply to data files; change a recipe with --set", ExitCode.USAGE
        )
    loaded = load_stage(names[0], options.sets, options.stage or get_asked_stage())
    recipe = choose_backends_or_exit(loaded, options.backend, prepare=fetch_recipe_models, stage=options.stage)[0]
    plan, folder = recipe.plan, recipe.loaded.folder
    warn_custom_tokenizer_or_template(recipe.model, "chat.template" in plan.set_fields)
    template = make_plan_renderer(plan, folder)
    limit = options.limit or plan.training.sequence_length
    train_on, turns = options.train_on or plan.chat.train_on, plan.chat.turns
    if options.train_on and "chat.turns" not in plan.set_fields:
        turns = choose_default_turns(plan.chat.template, plan.objective.type, train_on)
    rules = RowCheckSettings(recipe.model, template, train_on, plan.chat.thinking, turns, limit)
    rules = replace(rules, allowed_codes=frozenset(code for code in plan.allow if code.startswith("QR5")))
    sources = [(one, False) for one in plan.data.train] + [(one, True) for one in plan.data.validation]
    rows = _collect_rows(sources, folder, rules.template.tool_style, complete=options.hub.complete)
    return DataSelection(rows, rules, plan.training.overlong)


def _collect_rows(
    sources: list[tuple[SourcePlan, bool]], folder: Path, tool_style: str, *, complete: bool
) -> list[RowFile]:
    rows: list[RowFile] = []
    for source, held in sources:
        options, encoding = (
            RowOptions(source.roles, source.prompt_style, tool_style),
            source.encoding or "",
        )
        columns = dict(source.columns)
        files = _find_source_files(source, folder, complete=complete)
        for file, most in limit_files(files, encoding, source.limit):
            rows.append(RowFile(len(rows), str(file), source.format, columns, held, options, encoding, most))
    return rows


def _find_source_files(source: SourcePlan, folder: Path, *, complete: bool) -> list[Path]:
    if source.hub is None:
        return find_files_or_exit(folder, source.path or "")
    return fetch_split_or_exit(
        HubSplit(source.hub, source.subset, source.split or "train", source.revision), complete=complete
    )


def find_named_files(name: str, hub: HubOptions) -> list[Path]:
    """The files of a path, or those of a data set on the hub where no file is named so. Raises OSError."""
    found = find_hub_rows(name, hub)
    return find_files_or_exit(Path(), name) if found is None else found


def find_files_or_exit(folder: Path, path: str) -> list[Path]:
    """The files that a path, a folder or a pattern stands for, in order; none ends the process. Raises OSError."""
    try:
        found = find_row_files(folder, path)
    except MissingSourceError as error:
        exit_with_error(str(error), ExitCode.USAGE)
    if not found:
        named = folder / path
        exit_with_error(explain_empty_folder(named) if is_folder(named) else f"{named} does not exist", ExitCode.USAGE)
    return found


def _get_model_template(facts: ModelFacts) -> TemplateRenderer:
    if facts.variant in TEMPLATES:
        return TemplateRenderer(facts.variant)
    if facts.own_template is None:
        exit_with_error(f"{facts.id} has no chat template", ExitCode.USAGE)
    return TemplateRenderer("unknown", facts.own_template)


def get_template_text(template: TemplateRenderer) -> str:
    """The Jinja text of a template. Raises RenderError for none."""
    if template.text:
        return template.text
    if template.variant not in TEMPLATES:
        raise RenderError(f"no template for {template.variant}")
    return read_template(template.variant)
