"""What is true of the model that a recipe names: from the registry, or from a folder."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.facts import ModelFacts, Variant, count_lora_parameters
from qwen_recipes.qwen.model_folder import (
    ModelFolderError,
    describe_custom_template,
    describe_custom_tokenizer,
    read_chat_template,
    read_model_facts,
)
from qwen_recipes.qwen.registry import DEFAULT_MODEL, REGISTRY

__all__ = [
    "DEFAULT_MODEL",
    "REGISTRY",
    "ModelFacts",
    "ModelFolderError",
    "UnknownModelError",
    "Variant",
    "count_lora_parameters",
    "describe_custom_template",
    "describe_custom_tokenizer",
    "get_model_facts",
    "read_chat_template",
]


class UnknownModelError(QwenRecipesError, LookupError):
    """A name that is neither a released Qwen3 model nor a folder; `near` holds the ids it resembles."""

    def __init__(self, model: str, near: tuple[str, ...]) -> None:
        self.model, self.near = model, near
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        super().__init__(
            f"unknown model {model!r}: not a released Qwen3 model and not a folder; {meant}"
            f"{'A' if near else 'a'} local folder with the model's config.json works too, whatever its name"
        )


def get_model_facts(model: str, base: Path = Path()) -> ModelFacts:
    """The facts of a hub id (in any case, with its organisation) or of a model's folder, relative to `base`.

    A folder that is there wins over a hub id of the same name, as it does in transformers.

    Raises:
        UnknownModelError: neither in the registry nor a folder.
        ModelFolderError: the folder's config.json is missing, unreadable, or lacks keys.
    """
    folder = _find_model_folder(model, base)
    if folder is not None:
        return read_model_facts(folder, model)
    by_lower = {known.lower(): facts for known, facts in REGISTRY.items()}
    found = by_lower.get(model.lower())
    if found is None:
        raise UnknownModelError(model, _find_similar_ids(model))
    return found


def _find_model_folder(model: str, base: Path) -> Path | None:
    try:
        folder = base / Path(model).expanduser()
        return folder if model and folder.is_dir() else None
    except (OSError, RuntimeError):  # a name too long for a file, or the home of nobody
        return None


def _find_similar_ids(model: str) -> tuple[str, ...]:
    """Up to three ids that resemble it; a name that only lacks its organisation finds itself alone."""
    names = {known.partition("/")[2].lower(): known for known in REGISTRY}
    name = model.rpartition("/")[2].lower()
    if name in names:
        return (names[name],)
    from difflib import get_close_matches

    return tuple(names[close] for close in get_close_matches(name, names, n=3, cutoff=0.75))
