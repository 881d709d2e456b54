"""Commands that may use the network fetch what the hub has of a recipe's model before they look at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error
from qwen_recipes.cli.pinned_sources import get_hub_adapter, pin_newest_adapter, pin_newest_data
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.qwen.hub_cache import is_repo_id

if TYPE_CHECKING:
    from qwen_recipes.qwen.models import ModelReference
    from qwen_recipes.recipe.load import LoadedRecipe


def fetch_recipe_models(loaded: LoadedRecipe, *, newest: bool = False) -> LoadedRecipe:
    """Download what is not here of a recipe's model and of the adapter it starts from, and return the recipe.

    Exits 2 where the hub does not give it.
    With `newest`, what is in the cache is asked for again if no revision is stated.
    """
    fetch_model(loaded.recipe.model, loaded.folder, newest=newest)
    start = get_hub_adapter(loaded)
    revision = loaded.recipe.method.start_from_revision if loaded.recipe.method else None
    if start and not _is_here_or_planned(start, loaded.folder, revision):
        _download_or_exit(start, revision, "adapter")
    return loaded


def fetch_newest_and_pin(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe at the newest commits of its model, its adapter and its data sets, for a lock."""
    fetched = fetch_recipe_models(loaded, newest=True)
    return pin_newest_data(pin_newest_adapter(pin_known_revision(fetched)))


def fetch_model(model: ModelReference, folder: Path, *, newest: bool = False) -> None:
    """As `fetch_recipe_models`, of the model alone. A model that is known without the hub is left alone."""
    from qwen_recipes.qwen.coder import find_coder_release
    from qwen_recipes.qwen.models import ModelFolderError, UnknownModelError, get_model_facts

    if model.source == "modelscope":
        return
    try:
        facts = get_model_facts(model, folder)
        if not newest or not (facts.origin == "cache" or find_coder_release(facts.id)):
            return
    except UnknownModelError:
        if not is_repo_id(model.id) or "/" not in model.id:
            return
    except ModelFolderError:
        return
    _download_or_exit(model.id, model.revision)


def _is_here_or_planned(start: str, folder: Path, revision: str | None) -> bool:
    """Whether an adapter is here at this revision, or an earlier run will write it."""
    from qwen_recipes.qwen.adapter_folder import find_adapter
    from qwen_recipes.qwen.earlier_run import find_earlier_run

    place = folder / expand_home(start)
    return (
        find_adapter(start, folder, revision) is not None
        or place.parent.exists()
        or bool(find_earlier_run(place, folder))
    )


def pin_known_revision(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe with its model at the commit that is known of it: a release's, or the cached one.

    Unchanged where the recipe states a revision, the model is a folder, or nothing is known.
    """
    from qwen_recipes.qwen.models import ModelFolderError, UnknownModelError, get_model_facts

    try:
        return pin_revision(loaded, get_model_facts(loaded.recipe.model, loaded.folder).revision)
    except (UnknownModelError, ModelFolderError):
        return loaded


def pin_revision(loaded: LoadedRecipe, commit: str | None) -> LoadedRecipe:
    """The recipe with its model at this commit, where it states no revision itself."""
    if commit is None or loaded.recipe.model.revision is not None:
        return loaded
    model = loaded.recipe.model.model_copy(update={"revision": commit})
    return replace(loaded, recipe=loaded.recipe.model_copy(update={"model": model}))


def _download_or_exit(repo: str, revision: str | None, kind: Literal["model", "adapter"] = "model") -> None:
    from qwen_recipes.qwen.hub_download import HubError, download_model_files

    try:
        found = download_model_files(repo, revision, kind)
    except HubError as error:
        exit_with_error(str(error), ExitCode.USAGE)
    print_stderr(f"recipes: {repo} is read at commit {found.commit[:12]}")
