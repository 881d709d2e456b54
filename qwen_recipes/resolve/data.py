"""Where rows come from."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import DataPlan, SourcePlan
from qwen_recipes.recipe.objective_formats import DEFAULT_FORMATS, FORMATS_BY_OBJECTIVE
from qwen_recipes.recipe.spec.model_and_data import Data, Source
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.origins import SET_IN_RECIPE


def resolve_data(data: Data, objective: str, decisions: PlanDecisions) -> DataPlan:
    """Sources with a name each, and what is held out."""
    decisions.derive_value(
        "data.train", None, SET_IN_RECIPE, "data.train", *(f"data.train[].{n}" for n in _SOURCE_FIELDS)
    )
    share = data.validation if isinstance(data.validation, float) else None
    files = data.validation if isinstance(data.validation, list) else []
    decisions.choose_value("data.validation_share", share, None, "no validation", field="data.validation")
    of_files = tuple(f"data.validation[].{name}" for name in _SOURCE_FIELDS) if files else ()
    read = ("data.validation", *of_files) if files or share else ()
    decisions.derive_value("data.validation", None, SET_IN_RECIPE if files else "no validation files", *read)
    taken: set[str] = set()
    return DataPlan(
        train=tuple(_resolve_source(source, objective, taken) for source in data.train),
        validation=tuple(_resolve_source(source, objective, taken) for source in files),
        validation_share=share,
        streaming=decisions.choose_value("data.streaming", data.streaming, False, "tokenized once, before training"),
    )


_SOURCE_FIELDS = tuple(Source.model_fields)


def _resolve_source(source: Source, objective: str, used_names: set[str]) -> SourcePlan:
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(source.path or source.hub or "").stem) or "rows"
    name, count = stem, 2
    while name in used_names:
        name, count = f"{stem}-{count}", count + 1
    used_names.add(name)
    return SourcePlan(
        name=name,
        path=Path(source.path).as_posix() if source.path else None,
        hub=source.hub,
        subset=source.subset,
        split=source.split or ("train" if source.hub else None),
        revision=source.revision,
        format=source.format or DEFAULT_FORMATS.get(objective) or FORMATS_BY_OBJECTIVE[objective][0],
        columns=dict(source.columns or {}),
        weight=1.0 if source.weight is None else source.weight,
        limit=source.limit,
        roles=dict(source.roles or {}),
        prompt_style=source.prompt_style or "plain",
        encoding=source.encoding,
    )
