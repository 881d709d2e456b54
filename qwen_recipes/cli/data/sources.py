"""From the command line's files, or a recipe, to files of rows and what they are judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_recipes.cli.common import Exit, backend_or_stop, load_recipe, refuse, say_unknown, stop
from qwen_recipes.data.layouts import layout_of_file
from qwen_recipes.data.rows.sources import SUFFIXES
from qwen_recipes.data.texts import Template
from qwen_recipes.guards.rows.judge import Rows, Rules
from qwen_recipes.qwen.chat_templates import TEMPLATES, RenderError, template_text, variant_of_template
from qwen_recipes.qwen.models import BadModelFolder, ModelFacts, UnknownModel, folder_template, model_facts
from qwen_recipes.recipe.finding import RecipeError

DEFAULT_MODEL = "Qwen/Qwen3-4B"


@dataclass(frozen=True)
class Asked:
    """Files of rows and what they are judged by; `overlong` is what the recipe does with rows that do not fit."""

    files: list[Rows]
    rules: Rules
    overlong: str = ""
    skipped: tuple[str, ...] = ()
    """Data sets on the hub, which are not here to be read."""


@dataclass(frozen=True)
class Options:
    """What the command line says beside the files."""

    model: str | None = None
    layout: str | None = None
    train_on: str | None = None
    limit: int | None = None
    backend: str | None = None
    sets: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()


def is_recipe(name: str) -> bool:
    """Whether a path names a recipe and not rows."""
    return name == "-" or Path(name).suffix in (".yaml", ".yml")


def asked_for(names: tuple[str, ...], options: Options) -> Asked:
    """The files of rows; a problem with the call, a recipe or a model is printed and ends the process."""
    try:
        return _by_recipe(names, options) if any(map(is_recipe, names)) else _by_files(names, options)
    except (UnknownModel, BadModelFolder) as error:
        stop(str(error), Exit.USAGE)
    except OSError as error:
        stop(f"{error.filename} can't be read: {error.strerror}", Exit.USAGE)


def _by_files(names: tuple[str, ...], options: Options) -> Asked:
    facts = model_facts(options.model or DEFAULT_MODEL)
    say_unknown(facts)
    template = _own_template(facts)
    files = [(file, False) for name in names for file in files_of(Path(), name)]
    files += [(file, True) for name in options.validation for file in files_of(Path(), name)]
    rows = [
        Rows(number, str(file), options.layout or layout_of_file(file) or "messages", {}, held)
        for number, (file, held) in enumerate(files)
    ]
    return Asked(rows, Rules(facts, template, options.train_on or "assistant", limit=options.limit))


def _by_recipe(names: tuple[str, ...], options: Options) -> Asked:
    from qwen_recipes.backends import backends
    from qwen_recipes.resolve import resolve

    if len(names) > 1:
        stop("a recipe names its own rows: give it alone", Exit.USAGE)
    if options.model or options.layout or options.validation:
        stop("a recipe says its model, layouts and validation rows; change them with --set", Exit.USAGE)
    loaded = load_recipe(names[0], options.sets)
    name = options.backend or (loaded.recipe.run.backend if loaded.recipe.run else None)
    try:
        plan = resolve(loaded, backend_or_stop(name) if name else backends()[0])
    except RecipeError as error:
        refuse(error.findings)
    facts = model_facts(plan.model.id, loaded.folder)
    say_unknown(facts, "chat.template" in plan.asked)
    template = _named_template(plan.chat, loaded.folder)
    limit = options.limit or plan.training.sequence_length
    rules = Rules(facts, template, options.train_on or plan.chat.train_on, plan.chat.thinking, limit)
    rules = replace(rules, off=frozenset(code for code in plan.allow if code.startswith("QR5")))
    sources = [(one, False) for one in plan.data.train] + [(one, True) for one in plan.data.validation]
    return Asked(*_of_sources(sources, loaded.folder, rules, plan.training.overlong))


def _of_sources(sources: list[tuple[Any, bool]], folder: Path, rules: Rules, overlong: str) -> tuple[Any, ...]:
    rows: list[Rows] = []
    skipped: list[str] = []
    for source, held in sources:
        if source.hub:
            skipped.append(source.hub)
            continue
        for file in files_of(folder, source.path):
            rows.append(Rows(len(rows), str(file), source.format, dict(source.columns), held))
    return rows, rules, overlong, tuple(skipped)


def files_of(folder: Path, path: str) -> list[Path]:
    """The files that a path, a folder or a pattern stands for, in order; none ends the process."""
    named = folder / path
    if named.is_file():
        return [named]
    if named.is_dir():
        found = sorted(file for file in named.rglob("*") if file.suffix in SUFFIXES)
    else:
        try:
            found = sorted(folder.glob(path))
        except (ValueError, NotImplementedError):
            found = []
    if not found:
        stop(f"{named} is not there", Exit.USAGE)
    return found


def _own_template(facts: ModelFacts) -> Template:
    if facts.variant in TEMPLATES:
        return Template(facts.variant)
    text = folder_template(Path(facts.source)) if facts.local else None
    if text is None:
        stop(f"{facts.id} has no chat template", Exit.USAGE)
    return Template("unknown", text)


def _named_template(chat: Any, folder: Path) -> Template:
    if chat.official:
        return Template(chat.template)
    text = (folder / chat.template).read_text("utf-8")
    variant = variant_of_template(text)
    return Template(variant) if variant else Template("unknown", text)


def template_of(template: Template) -> str:
    """The Jinja text of a template. Raises RenderError for none."""
    if template.text:
        return template.text
    if template.variant not in TEMPLATES:
        raise RenderError(f"no template for {template.variant}")
    return template_text(template.variant)
