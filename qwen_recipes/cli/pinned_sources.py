"""Data sets and adapters on the hub at the newest commit, or at the one that a lock names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.qwen.adapter_folder import find_adapter, may_be_adapter_id

if TYPE_CHECKING:
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.recipe.spec.model_and_data import Source

FindRevision = Callable[["Source"], str | None]


def pin_newest_data(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe with its data sets at their newest commits; one that the hub does not give stays as it is, and why is
    told.
    """
    if loaded.recipe.model.source == "modelscope":
        return loaded
    known: dict[str, str | None] = {}

    def find_revision(source: Source) -> str | None:
        name = str(source.hub)
        if name not in known:
            known[name] = _find_commit_or_tell(name)
        return known[name]

    return _pin_sources(loaded, find_revision)


def pin_locked_data(loaded: LoadedRecipe, entries: Iterable[object]) -> LoadedRecipe:
    """The recipe with its data sets at the commits of a lock's entries."""
    locked = {
        (entry["hub"], entry.get("subset")): entry.get("revision")
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("hub"), str)
    }
    return _pin_sources(loaded, lambda source: locked.get((str(source.hub), source.subset)))


def get_hub_adapter(loaded: LoadedRecipe) -> str | None:
    """The hub id of the adapter that a recipe starts from; None for what may only be a folder, and on ModelScope."""
    start = loaded.recipe.method.start_from if loaded.recipe.method else None
    elsewhere = loaded.recipe.model.source == "modelscope"
    return start if start and may_be_adapter_id(start) and not elsewhere else None


def pin_newest_adapter(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe with its adapter, if that is in the hub's cache, at the newest commit on the hub.

    Without an answer, at the cached one.
    """
    from qwen_recipes.qwen.hub_download import HubError, download_model_files

    start = get_hub_adapter(loaded)
    place = find_adapter(start, loaded.folder) if start else None
    if start is None or place is None or not place.cached:
        return loaded
    try:
        return pin_adapter(loaded, start, download_model_files(start, None, "adapter").commit)
    except HubError as error:
        print_stderr(f"recipes: {error}; using its cached commit")
        return pin_adapter(loaded, start, place.folder.name)


def pin_adapter(loaded: LoadedRecipe, repo: object, commit: object) -> LoadedRecipe:
    """The recipe with the adapter `repo` at this commit, where it starts from that and states no revision itself."""
    method = loaded.recipe.method
    if method is None or method.start_from_revision is not None or not isinstance(commit, str):
        return loaded
    if method.start_from != repo or (loaded.folder / str(repo)).exists():
        return loaded
    pinned = method.model_copy(update={"start_from_revision": commit})
    return replace(loaded, recipe=loaded.recipe.model_copy(update={"method": pinned}))


def _pin_sources(loaded: LoadedRecipe, find_revision: FindRevision) -> LoadedRecipe:
    """The recipe with a revision for each data set that states none, where one is found."""

    def pin(source: Source) -> Source:
        found = find_revision(source) if source.hub and source.revision is None else None
        return source.model_copy(update={"revision": found}) if found else source

    data = loaded.recipe.data
    update: dict[str, object] = {"train": [pin(source) for source in data.train]}
    if isinstance(data.validation, list):
        update["validation"] = [pin(source) for source in data.validation]
    return replace(loaded, recipe=loaded.recipe.model_copy(update={"data": data.model_copy(update=update)}))


def _find_commit_or_tell(repo: str) -> str | None:
    from qwen_recipes.data.hub_dataset import find_newest_commit
    from qwen_recipes.qwen.hub_download import HubError

    try:
        return find_newest_commit(repo)
    except HubError as error:
        print_stderr(f"recipes: {error}")
        return None
