"""What is known of the model that a recipe names, and where it is known from. Nothing here uses the network.

In this order: a folder, the registry of releases, the hub's local cache, the model that `like` names, and what an
earlier run will write to a folder. `hub_download` fills the cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from qwen_recipes.errors import QwenRecipesError, join_alternatives
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.qwen.coder import find_coder_release
from qwen_recipes.qwen.earlier_run import find_earlier_run
from qwen_recipes.qwen.facts import ModelFacts, Variant, count_lora_parameters
from qwen_recipes.qwen.families import find_foreign_family, has_foreign_maker, has_foreign_tokenizer
from qwen_recipes.qwen.hub_cache import find_snapshot, is_repo_id
from qwen_recipes.qwen.misspelled_names import explain_misspelled_name
from qwen_recipes.qwen.model_config import (
    ModelFolderError,
    UnreadableFolderError,
    UnsupportedFamilyError,
    describe_foreign_family,
)
from qwen_recipes.qwen.model_folder import describe_custom_template, describe_custom_tokenizer, read_model_facts
from qwen_recipes.qwen.model_head import guess_head
from qwen_recipes.qwen.quantized_names import find_named_quantization, strip_quantization
from qwen_recipes.qwen.registry import DEFAULT_MODEL, REGISTRY

__all__ = [
    "DEFAULT_MODEL",
    "REGISTRY",
    "ModelFacts",
    "ModelFolderError",
    "ModelName",
    "ModelReference",
    "UnknownModelError",
    "UnreadableFolderError",
    "UnsupportedFamilyError",
    "Variant",
    "count_lora_parameters",
    "describe_custom_template",
    "describe_custom_tokenizer",
    "find_model_folder",
    "find_similar_releases",
    "find_unquantized_release",
    "get_model_facts",
]

RELEASED_QUANTIZATIONS = ("fp8", "awq", "gptq")
"""Of Qwen's own quantized releases."""
_LONGEST_CHAIN = 8
"""Runs that start from each other's output."""


class ModelReference(Protocol):
    """A model as a recipe or a plan names it."""

    @property
    def id(self) -> str:
        """Hub id or folder."""
        ...

    @property
    def revision(self) -> str | None:
        """Commit, branch or tag on the hub."""
        ...

    @property
    def like(self) -> str | None:
        """A model of the same architecture, tokenizer and chat template."""
        ...

    @property
    def source(self) -> str | None:
        """The hub that the id is on; None for the Hugging Face hub."""
        ...


@dataclass(frozen=True)
class ModelName:
    """A model that is named by its id alone, as on the command line."""

    id: str
    revision: str | None = None
    like: str | None = None
    source: str | None = None


class UnknownModelError(QwenRecipesError, LookupError):
    """Nothing is known of a model here; what to do stands after the message's semicolon."""

    def __init__(self, model: str, message: str) -> None:
        self.model = model
        super().__init__(message)


def get_model_facts(model: ModelReference | str, base: Path = Path()) -> ModelFacts:
    """The facts of a hub id (a release's in any case, with its organisation) or of a folder relative to `base`.

    A folder that is there wins over a hub id of the same name, as it does in transformers.

    Raises:
        UnknownModelError: no folder, no release, not in the hub's cache, and nothing that it is like.
        UnsupportedFamilyError: it is of an architecture that is not Qwen3's.
        ModelFolderError: its config.json is missing, unreadable, or lacks keys.
    """
    named = ModelName(model) if isinstance(model, str) else model
    _refuse_misspelled_name(named.id, base)
    found = _find_facts(named, base, _LONGEST_CHAIN)
    if found is None and named.like is not None:
        found = _take_facts_of_like(named, base)
    if found is None:
        raise _explain_unknown(named, base)
    return found


def find_model_folder(model: str, base: Path) -> Path | None:
    """The folder on this machine that a model's name stands for, or None."""
    try:
        folder = base / expand_home(model)
        return folder if model and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # a name too long for a file, the home of nobody, a NUL
        return None


def find_similar_releases(model: str) -> tuple[str, ...]:
    """Up to three releases whose names resemble it; none for a model of another family.

    A name that only lacks its organisation, or has another, finds itself alone.
    """
    if find_foreign_family(model):
        return ()
    names = {known.partition("/")[2].lower(): known for known in REGISTRY}
    name = model.rstrip("/").rpartition("/")[2].lower()
    if name in names:
        return (names[name],)
    from difflib import get_close_matches

    return tuple(names[close] for close in get_close_matches(name, names, n=3, cutoff=0.75))


def choose_like(model: str) -> str | None:
    """The release to name under `like` for a model of which only the name is known: one of that size, if it says so.

    None where no release has the size that the name says, or the model has the tokenizer of another family.
    """
    size = _SIZE.search(model.lower())
    if has_foreign_tokenizer(model):
        return None
    sized = [known for known in REGISTRY if size and f"-{size[0]}-" in f"{known.lower()}-"]
    similar = [known for known in find_similar_releases(model) if not size or known in sized]
    found = find_unquantized_release(model) or next(iter(similar or sized), None)
    return found or (None if size else DEFAULT_MODEL)


_SIZE = re.compile(r"(?<![a-z0-9.])\d+(?:\.\d+)?b(?:-a\d+b)?(?![a-z0-9])")


def find_unquantized_release(model: str) -> str | None:
    """The release in its original precision of a quantized copy, by its name; None where the name tells none."""
    name = strip_quantization(model).rpartition("/")[2]
    release = {known.partition("/")[2].lower(): known for known in REGISTRY}.get(name)
    coder = None if release else find_coder_release(f"qwen/{name}")
    return coder.id if coder else release


def _find_facts(model: ModelReference, base: Path, chain: int) -> ModelFacts | None:
    folder = find_model_folder(model.id, base)
    if folder is not None and ((folder / "config.json").exists() or not (folder / "run.json").exists()):
        return read_model_facts(folder, model.id)
    if release := _find_release(model):
        return release
    snapshot = find_snapshot(model.id, model.revision) if model.source != "modelscope" else None
    if snapshot and (snapshot.folder / "config.json").is_file():
        return read_model_facts(snapshot.folder, model.id, "cache", snapshot.commit)
    if coder := find_coder_release(model.id):
        return coder
    return _find_planned_output(model.id, base, chain) if model.like is None else None


def _find_release(model: ModelReference) -> ModelFacts | None:
    """A release in its original precision, or one of Qwen's quantized copies."""
    by_lower = {known.lower(): facts for known, facts in REGISTRY.items()}
    name = model.id.lower()
    if found := by_lower.get(name):
        return found
    quantization = find_named_quantization(name)
    if quantization and quantization.method in RELEASED_QUANTIZATIONS and not find_snapshot(model.id, model.revision):
        found = by_lower.get(strip_quantization(name)) or find_coder_release(strip_quantization(name))
        return replace(found, id=model.id, revision=None, quantization=quantization) if found else None
    return None


def _find_planned_output(model: str, base: Path, chain: int) -> ModelFacts | None:
    """What an earlier run will write to this folder: a model of the shape that it starts from."""
    try:
        output = base / expand_home(model)
        run = find_earlier_run(output, base) if chain and model else None
    except (OSError, RuntimeError, ValueError):
        return None
    if run is None:
        return None
    if (run.loaded.folder / expand_home(run.model)).resolve() == output.resolve():
        raise ModelFolderError(
            f"{run.loaded.document.file} names its own output folder as its model; model: the one to start from"
        )
    if run.writes_adapter:
        file = run.loaded.document.file
        raise ModelFolderError(
            f"{file} will write an adapter to {model}, and no whole model; "
            f"model: {run.model} with method.start_from: {model}"
        )
    started = run.loaded.recipe.model
    facts = _find_facts(started, run.loaded.folder, chain - 1)
    if facts is None and started.like is not None:
        facts = _take_facts_of_like(started, run.loaded.folder)
    if facts is None:
        return None
    return replace(facts, id=model, origin="run", revision=None, quantization=None, stored_bytes=None)


def _take_facts_of_like(model: ModelReference, base: Path) -> ModelFacts:
    """The facts of the model that `like` names, under this model's id, and quantized where the id's end says so."""
    if has_foreign_maker(model.id) and (family := find_foreign_family(model.id)):
        raise UnsupportedFamilyError(describe_foreign_family(model.id, family))
    _refuse_misspelled_name(str(model.like), base)
    found = _find_facts(ModelName(str(model.like)), base, 0)
    if found is None:
        raise _explain_unknown(ModelName(str(model.like)), base)
    if _looks_like_path(model.id, base):
        return replace(found, id=model.id, origin="run", revision=None, stored_bytes=None)
    quantization = find_named_quantization(model.id) or found.quantization
    made = replace(found, id=model.id, origin="like", revision=None, stored_bytes=None, quantization=quantization)
    if (head := guess_head(model.id, tied=found.tied_embeddings)) is None:
        return made
    return replace(made, saved_as="", lm_head=head.lm_head, labels=head.labels)


def _looks_like_path(model: str, base: Path) -> bool:
    """Whether a name that is no folder yet stands for one, and not for a repository on the hub."""
    if not is_repo_id(model) or model.startswith((".", "/", "~")):
        return True
    parent, _, _ = model.rpartition("/")
    return bool(parent) and (base / parent).is_dir()


def _refuse_misspelled_name(name: str, base: Path) -> None:
    """Raises UnsupportedFamilyError or UnknownModelError for a name that no framework can load."""
    if find_model_folder(name, base) is not None or not (found := explain_misspelled_name(name, base)):
        return
    if not (base / name).is_file() and (family := find_foreign_family(name)):
        raise UnsupportedFamilyError(describe_foreign_family(name, family))
    what, meant = found
    tag = "Ollama" in what
    release = _complete_release_name(meant) if tag else {r.lower(): r for r in REGISTRY}.get(meant.lower(), meant)
    raise UnknownModelError(name, f"{name!r} {what}; model: {release}")


def _complete_release_name(name: str) -> str:
    """The release that an Ollama tag such as `qwen3-8b-q4_K_M` was made of."""
    size = _SIZE.search(name)
    similar = find_similar_releases(re.sub(r"-(?:q\d.*|fp16|bf16)$", "", name))
    sized = next((known for known in similar if not size or f"-{size[0]}" in known.lower()), None)
    return sized or (choose_like(name) if size else None) or "the id on the Hugging Face hub"


def _explain_unknown(model: ModelReference, base: Path) -> QwenRecipesError:
    name = model.id
    if _looks_like_path(name, base):
        return UnknownModelError(
            name,
            f"{name!r} is not a folder, and no recipe in the same folder writes to it; "
            f"if it will hold a model, name its base: {_write_like(name)}",
        )
    if family := find_foreign_family(name):
        return UnsupportedFamilyError(describe_foreign_family(name, family))
    similar = find_similar_releases(name)
    if model.source == "modelscope":
        return UnknownModelError(
            name,
            f"{name!r} is not a known Qwen3 release, and `recipes` does not read files on ModelScope before a run; "
            f"name a model with the same config and tokenizer: {_write_like(name, 'source: modelscope, ')}",
        )
    official = name.partition("/")[0].lower() in ("qwen", name.lower())
    meant = f"did you mean {join_alternatives(similar)}? If the name is right, " if similar and official else ""
    revision = f" at revision {model.revision}" if model.revision else ""
    return UnknownModelError(
        name,
        f"{name!r} is neither a folder, nor a known Qwen3 release, nor in the local Hugging Face cache{revision}; "
        f"{meant}`recipes lock` downloads its config.json and tokenizer from the hub; without a network, name a model "
        f"with the same config and tokenizer: {_write_like(name)}",
    )


def _write_like(name: str, more: str = "") -> str:
    """The long form of `model`, with the release that it may be like; a folder of that shape where none is."""
    return f"model: {{id: {name}, {more}like: {choose_like(name) or 'FOLDER-OR-ID'}}}"
