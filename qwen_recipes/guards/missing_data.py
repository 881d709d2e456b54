"""Data files of a recipe that do not exist on this machine or are empty, and folders without rows."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.data.source_files import explain_no_rows
from qwen_recipes.finding import Finding
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding

_WHY = "`recipes run` stops before training if a data file is missing or empty"


def find_missing_data(loaded: LoadedRecipe) -> Iterator[Finding]:
    """A warning for each local source that does not exist, is empty or has no files of rows. Reads no file."""
    data = loaded.recipe.data
    validation = data.validation if isinstance(data.validation, list) else []
    for split, sources in (("train", data.train), ("validation", validation)):
        for index, source in enumerate(sources):
            if source.path is not None and (message := explain_no_rows(source.path, loaded.folder)):
                message += f" (looked in {loaded.folder.absolute()})" if message.endswith("not exist") else ""
                route = ("data", split, index, "path")
                yield locate_finding(loaded.document, Finding("data", "warning", message, route, why=_WHY))
