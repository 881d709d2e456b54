"""Where rows come from."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import DataPlan, SourcePlan
from qwen_recipes.recipe.spec.source import Data, Source
from qwen_recipes.resolve.notes import Notes


def resolve_data(data: Data, notes: Notes) -> DataPlan:
    """Sources with a name each, and what is held out."""
    notes.derive("data.train", None, "set in the recipe", "data.train", "data.train[].path", "data.train[].format")
    share = data.validation if isinstance(data.validation, float) else None
    files = data.validation if isinstance(data.validation, list) else []
    read = ("data.validation", "data.validation[].path", "data.validation[].format")
    notes.pick("data.validation_share", share, None, "no validation was asked for", field="data.validation")
    notes.derive(
        "data.validation",
        None,
        "set in the recipe" if files else "no files to validate on",
        *read[: 3 if files else 1 if share else 0],
    )
    taken: set[str] = set()
    return DataPlan(
        train=tuple(_source(source, taken) for source in data.train),
        validation=tuple(_source(source, taken) for source in files),
        validation_share=share,
    )


def _source(source: Source, taken: set[str]) -> SourcePlan:
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(source.path).stem) or "rows"
    name, count = stem, 2
    while name in taken:
        name, count = f"{stem}-{count}", count + 1
    taken.add(name)
    return SourcePlan(name=name, path=Path(source.path).as_posix(), format=source.format or "messages")
