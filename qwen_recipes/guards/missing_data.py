"""Data files of a recipe that do not exist on this machine, and those that nothing can be trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.finding import Finding
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.spec.model_and_data import Source

_MISSING = "`recipes run` stops before training if a data file is missing or empty"
_UNUSABLE = "nothing in it would be trained on"
_MISNAMED = "`recipes` reads it by its content, without regard to its name"


def find_missing_data(loaded: LoadedRecipe) -> Iterator[Finding]:
    """A warning for each local source that does not exist, has no files of rows, or files without rows to train on.

    Reads the first rows of the first files.
    """
    for source, route in _iter_sources(loaded):
        for finding in _judge_source(source, loaded, route):
            yield locate_finding(loaded.document, finding)


def find_unusable_data(loaded: LoadedRecipe) -> Iterator[Finding]:
    """As `find_missing_data`, of files that are there and that nothing can be trained on."""
    yield from (finding for finding in find_missing_data(loaded) if finding.why == _UNUSABLE)


def _iter_sources(loaded: LoadedRecipe) -> Iterator[tuple[Source, tuple[str | int, ...]]]:
    """The local sources, and where their paths stand in the recipe."""
    data = loaded.recipe.data
    validation = data.validation if isinstance(data.validation, list) else []
    for split, sources in (("train", data.train), ("validation", validation)):
        for index, source in enumerate(sources):
            if source.path:
                yield source, ("data", split, index, "path")


def _judge_source(source: Source, loaded: LoadedRecipe, route: tuple[str | int, ...]) -> Iterator[Finding]:
    from qwen_recipes.data.source_files import explain_missing_files

    assert source.path is not None
    folder: Path = loaded.folder
    if message := explain_missing_files(source.path, folder):
        message += f" (looked in {folder.absolute()})" if message.endswith("not exist") else ""
        yield Finding("data", "warning", message, route, why=_MISSING)
        return
    from qwen_recipes.data.unusable_files import find_unusable_files

    objective = (loaded.recipe.objective.type if loaded.recipe.objective else None) or "sft"
    for unusable in find_unusable_files(source, objective, folder):
        why = _UNUSABLE if unusable.fatal else _MISNAMED
        yield Finding("data", "warning", unusable.message, route, why=why, suggestion=unusable.instead)
