"""Guards that could not look at a recipe or a config: its model, tokenizer or template is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qwen_recipes.guards.catalog import load_guard
from qwen_recipes.qwen.chat_templates import TEMPLATES
from qwen_recipes.qwen.models import ModelFolderError, UnknownModelError, describe_custom_tokenizer, get_model_facts
from qwen_recipes.recipe.load import LoadedRecipe

TEMPLATE_GUARDS = ("QR307", "QR308", "QR309", "QR316")
"""Those that know what an official chat template does with reasoning."""
TOKENIZER_GUARDS = ("QR301", "QR302", "QR312", "QR314")
"""Those that know the control tokens of Qwen3's tokenizer."""


def describe_unjudged_native(text: str, as_backend: str | None = None, version: str | None = None) -> str:
    """Which guards or files were not looked at with a framework's own config, and why; empty where all were."""
    from qwen_recipes.guards.native.lint_native import list_named_files, list_unjudged_guards

    guards = _describe(list_unjudged_guards(text, as_backend, version), "model not recognized")
    files = ", ".join(list_named_files(text, as_backend, version))
    passed = f"not checked: {files}, which the script passes: lint that file too" if files else ""
    return "; ".join(note for note in (guards, passed) if note)


def describe_unjudged_recipes(recipes: Iterable[LoadedRecipe]) -> str:
    """As `describe_unjudged_native`, of a file's recipes."""
    return ", ".join(dict.fromkeys(note for loaded in recipes for note in _list_notes(loaded)))


def _list_notes(loaded: LoadedRecipe) -> Iterator[str]:
    backend = loaded.recipe.run.backend if loaded.recipe.run else None
    chat = loaded.recipe.chat
    if chat and chat.template not in (None, "auto", *TEMPLATES):
        yield _describe(_list_applying(TEMPLATE_GUARDS, backend), "custom chat template")
    try:
        custom = describe_custom_tokenizer(get_model_facts(loaded.recipe.model, loaded.folder))
    except (UnknownModelError, ModelFolderError):
        return
    if custom:
        yield _describe(_list_applying(TOKENIZER_GUARDS, backend), "tokenizer not recognized")


def _list_applying(codes: tuple[str, ...], backend: str | None) -> list[str]:
    guards = map(load_guard, codes)
    return [guard.code for guard in guards if not backend or not guard.backends or backend in guard.backends]


def _describe(codes: list[str], why: str) -> str:
    return f"not checked: {len(codes)} guards ({', '.join(codes)}), {why}" if codes else ""
