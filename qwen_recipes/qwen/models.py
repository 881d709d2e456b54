"""What is true of the model that a recipe names: from the registry, or from a folder."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.qwen.facts import ModelFacts, Variant, lora_parameters
from qwen_recipes.qwen.folder import (
    BadModelFolder,
    folder_facts,
    folder_template,
    unknown_template,
    unknown_tokenizer,
)
from qwen_recipes.qwen.registry import REGISTRY

__all__ = [
    "REGISTRY",
    "BadModelFolder",
    "ModelFacts",
    "UnknownModel",
    "Variant",
    "folder_template",
    "lora_parameters",
    "model_facts",
    "unknown_template",
    "unknown_tokenizer",
]


class UnknownModel(LookupError):
    """A name that is neither a released Qwen3 model nor a folder; `near` holds the ids it resembles."""

    def __init__(self, model: str, near: tuple[str, ...]) -> None:
        self.model, self.near = model, near
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        super().__init__(
            f"{model!r} is neither a released Qwen3 model nor a folder; {meant}"
            f"{'A' if near else 'a'} local folder with the model's config.json works too, whatever its name"
        )


def model_facts(model: str, base: Path = Path()) -> ModelFacts:
    """The facts of a hub id (in any case, with its organisation) or of a model's folder, relative to `base`.

    A folder that is there wins over a hub id of the same name, as it does in transformers.

    Raises:
        UnknownModel: neither in the registry nor a folder.
        BadModelFolder: the folder's config.json is missing, unreadable, or lacks keys.
    """
    folder = _folder(model, base)
    if folder is not None:
        return folder_facts(folder, model)
    by_lower = {known.lower(): facts for known, facts in REGISTRY.items()}
    found = by_lower.get(model.lower())
    if found is None:
        raise UnknownModel(model, _near(model))
    return found


def _folder(model: str, base: Path) -> Path | None:
    try:
        folder = base / Path(model).expanduser()
        return folder if model and folder.is_dir() else None
    except (OSError, RuntimeError):  # a name too long for a file, or the home of nobody
        return None


def _near(model: str) -> tuple[str, ...]:
    """Up to three ids that resemble it; a name that only lacks its organisation finds itself alone."""
    names = {known.partition("/")[2].lower(): known for known in REGISTRY}
    name = model.rpartition("/")[2].lower()
    if name in names:
        return (names[name],)
    from difflib import get_close_matches

    return tuple(names[close] for close in get_close_matches(name, names, n=3, cutoff=0.75))
