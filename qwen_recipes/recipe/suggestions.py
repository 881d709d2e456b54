"""Near misses: what a person probably meant."""

from __future__ import annotations

from collections.abc import Iterable

from qwen_recipes.recipe.other_names import (
    EXPLAINED_NATIVE_KEYS,
    FIELDS_BY_HABIT,
    FIELDS_BY_NATIVE_KEY,
    VALUES_BY_OTHER_NAME,
)

METHOD_NAMES = ("lora", "qlora", "dora", "qdora", "full", "freeze")
"""Values of `method` that people write as a key."""
RENAMED_FIELDS = {
    "training.warmup": "`warmup_ratio`, a share of all steps, or `warmup_steps`",
    "model.name": "`id`",
    "model.path": "`id`",
}
"""Fields of earlier versions or other programs, and what to write."""
_SURE_MATCH = 0.85
"""Likeness of a slip whose field stands elsewhere: `trainer` (0.83) is no slip of `train`."""
SECTIONS_WITH_NATIVE_KEYS = ("", "method", "quantization", "objective", "training", "hardware", "chat")
"""Where people write keys of a framework that are no field of ours."""


def find_closest_match(word: str, candidates: Iterable[str], cutoff: float = 0.7) -> str | None:
    """The known word that `word` is a slip of, or None. `cutoff` is the least likeness, from 0 to 1."""
    import difflib

    lowered = {name.lower().replace("-", "_"): name for name in candidates}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), list(lowered), n=1, cutoff=cutoff)
    return lowered[found[0]] if found else None


def find_meant_value(word: str, choices: Iterable[str]) -> str | None:
    """The choice that a value is another name of, or a slip of, or None."""
    known = list(choices)
    other = VALUES_BY_OTHER_NAME.get(word.lower())
    return other if other in known else find_closest_match(word, known)


def suggest_for_unknown_key(key: str, siblings: Iterable[str], parent: str) -> str:
    """What to write instead of an unknown key: a near miss beside it, another place, or the keys there are."""
    if renamed := RENAMED_FIELDS.get(f"{parent}.{key}"):
        return f"use {renamed}"
    if parent in SECTIONS_WITH_NATIVE_KEYS and key in METHOD_NAMES:
        return f"write it as `method: {{type: {key}}}`, with its settings next to `type`"
    if key in EXPLAINED_NATIVE_KEYS:
        return EXPLAINED_NATIVE_KEYS[key]
    if field := FIELDS_BY_NATIVE_KEY.get(key) or FIELDS_BY_HABIT.get(key):
        return f"the recipe field is `{field}`"
    known = list(siblings)
    elsewhere = None if parent.startswith("sweep.") else _find_field_elsewhere(key, parent)
    beside = find_closest_match(key, known) or _find_same_words(key, known)
    if beside and not (elsewhere and elsewhere.endswith(f".{key}") and "[" not in elsewhere):
        return f"did you mean `{beside}`?"
    if elsewhere:
        return f"write it as `{elsewhere}`" if "." in elsewhere else f"write `{elsewhere}` at the top level"
    listed = "known here: " + ", ".join(known)
    if parent in SECTIONS_WITH_NATIVE_KEYS:
        return f"{listed}; a framework's own key goes under `backends.<framework>.extra`"
    return listed


def _find_same_words(key: str, siblings: Iterable[str]) -> str | None:
    """The shortest sibling that has all words of the key: `batch_size` for `batch`."""
    words = set(key.lower().replace("-", "_").split("_"))
    found = [name for name in siblings if words <= set(name.split("_"))]
    return min(found, key=len, default=None)


def _find_field_elsewhere(key: str, parent: str) -> str | None:
    from qwen_recipes.recipe.field_index import index_fields

    leaves = [path for path in index_fields() if "*" not in path and not path.startswith("sweep.")]
    if parent and key in {path.partition(".")[0] for path in leaves}:
        return key
    maps = {path.rpartition(".")[0] for path in leaves if path.count(".") == 2 and "[" not in path}
    paths = sorted([*leaves, *sorted(maps)], key=lambda path: -path.count("."))
    by_name = {path.rpartition(".")[2]: path for path in paths}
    found = by_name.get(key) or by_name.get(find_closest_match(key, by_name, _SURE_MATCH) or "")
    return found if found and found.rpartition(".")[0] != parent else None
