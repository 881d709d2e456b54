"""A recipe's source as files that are here: of a data set on the hub, the files of its split, or a sample of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

from qwen_recipes.backends.plan import SourcePlan
from qwen_recipes.data.hub_dataset import HubSplit, fetch_split
from qwen_recipes.data.rows.find_files import MissingSourceError
from qwen_recipes.data.rows.row import SourceSpec
from qwen_recipes.data.rows.tool_styles import JSON
from qwen_recipes.qwen.hub_download import HubError


def list_local_sources(source: SourcePlan, base: Path) -> Iterator[SourcePlan]:
    """The source with its path seen from here, `base` being the recipe's folder; one for each file of a hub's split.

    Raises MissingSourceError where the hub does not give it, MissingReaderError.
    """
    if source.hub is None:
        yield replace(source, path=str(base / source.path) if source.path else None)
        return
    asked = HubSplit(source.hub, source.subset, source.split or "train", source.revision)
    try:
        fetched = fetch_split(asked)
    except HubError as error:
        raise MissingSourceError(str(error)) from None
    for file in fetched.files:
        yield replace(source, path=str(file), hub=None, subset=None, split=None, revision=None)


def to_source_spec(source: SourcePlan, tool_style: str = JSON) -> SourceSpec:
    """The source as the rows program reads one."""
    fields = {**asdict(source), "columns": dict(source.columns), "roles": dict(source.roles), "tool_style": tool_style}
    return cast(SourceSpec, fields)
