"""A recipe's lock: everything that a run depends on, by hash or version, and what of it is no longer so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes import __version__
from qwen_recipes.compile import CompiledRecipe, compile_recipe
from qwen_recipes.environments.environment import MissingEnvironmentError, get_managed_environment
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.qwen.chat_templates import read_template
from qwen_recipes.qwen.tokenizer import TOKENIZER_CONFIG_SHA256, TOKENIZER_JSON_SHA256
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.plan_table import list_plan_values
from qwen_recipes.runs.data_hashes import hash_data, hash_file

_MODEL_FILES = ("*.json", "*.jinja", "merges.txt", "*.safetensors")


def get_lock_path(recipe: str) -> Path:
    """Where a recipe's lock lies: beside it, `NAME.lock`."""
    return Path(recipe).with_suffix(".lock")


def build_lock(loaded: LoadedRecipe, compiled_backends: list[CompiledRecipe]) -> dict[str, Any]:
    """The lock of a recipe for the given backends. Reads every local data file and weight. Raises OSError."""
    plan = compiled_backends[0].plan
    return {
        "version": 1,
        "qwen-recipes": __version__,
        "recipe": loaded.recipe_hash,
        "model": _lock_model(loaded, compiled_backends[0]),
        "chat": _lock_chat(loaded, compiled_backends[0]),
        "data": hash_data(plan, loaded.folder),
        "backends": {one.backend.name: _lock_backend(loaded, one) for one in compiled_backends},
    }


def write_lock(path: Path, content: dict[str, Any]) -> None:
    """Write a lock whole or not at all. Raises OSError."""
    replace_file(path, json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def read_lock(path: Path) -> dict[str, Any]:
    """A lock as written. Raises OSError, or ValueError where it is none."""
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict) or content.get("version") != 1:
        raise ValueError(f"{path} is not a lock file of this version; write it again with `recipes lock`")
    return content


def find_drift(locked: dict[str, Any], loaded: LoadedRecipe, compiled_backends: list[CompiledRecipe]) -> list[str]:
    """What is not as the lock says, a line each; empty where everything is."""
    now = json.loads(json.dumps(build_lock(loaded, compiled_backends)))
    missing = [one.backend.name for one in compiled_backends if one.backend.name not in locked.get("backends", {})]
    kept = {name: one for name, one in locked.get("backends", {}).items() if name in now["backends"]}
    now["backends"] = {name: one for name, one in now["backends"].items() if name not in missing}
    said = [f"{name} is not in the lock file" for name in missing]
    return said + list(iter_differences({**locked, "backends": kept}, now))


def iter_differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """How one tree of JSON differs from another, leaf by leaf, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from iter_differences(before.get(key), after.get(key), f"{path} {key}".strip())
    elif isinstance(before, list) and isinstance(after, list) and _are_data_entries(before + after):
        yield from iter_differences(_index_by_source(before), _index_by_source(after), path)
    elif before != after:
        yield f"{path}: {_format_value(before)} in the lock file, now {_format_value(after)}"


def _lock_model(loaded: LoadedRecipe, compiled: CompiledRecipe) -> dict[str, Any]:
    model = compiled.plan.model
    folder = loaded.folder / model.id
    files = sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern)}) if model.local else []
    return {
        "id": model.id,
        "revision": model.revision,
        "files": {path.name: hash_file(path)[0] for path in files if path.is_file()},
    }


def _lock_chat(loaded: LoadedRecipe, compiled: CompiledRecipe) -> dict[str, Any]:
    """Hashes of the template and of the tokenizer's files; a local model's tokenizer is among its files."""
    chat, model = compiled.plan.chat, compiled.plan.model
    text = read_template(chat.template) if chat.official else (loaded.folder / chat.template).read_text("utf-8")
    known = not model.local and model.variant in TOKENIZER_CONFIG_SHA256
    return {
        "template": hashlib.sha256(text.encode()).hexdigest(),
        "tokenizer.json": TOKENIZER_JSON_SHA256 if known and model.variant != "base" else None,
        "tokenizer_config.json": TOKENIZER_CONFIG_SHA256[model.variant] if known else None,
    }


def _lock_backend(loaded: LoadedRecipe, compiled: CompiledRecipe) -> dict[str, Any]:
    """A backend's part. Its files are those of the recipe's usual place, whatever folder was asked for."""
    backend = compiled.backend
    usual = compile_recipe(loaded, backend, loaded.folder / "compiled" / loaded.name / backend.name)
    return {
        "version": backend.version,
        "schema": hash_file(backend.schema_file)[0],
        "environment": _hash_environment_lock(compiled),
        "resolved": {row.field: row.value for row in list_plan_values(compiled.plan)},
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in usual.files.items()},
    }


def _hash_environment_lock(compiled: CompiledRecipe) -> str | None:
    """SHA-256 of the environment's locked requirements; None where the person brings one of their own."""
    if compiled.plan.run.environment != "managed":
        return None
    try:
        return hash_file(get_managed_environment(compiled.backend, compiled.plan.hardware.device).lock)[0]
    except MissingEnvironmentError:
        return None


def _are_data_entries(entries: list[Any]) -> bool:
    return bool(entries) and all(isinstance(entry, dict) and "split" in entry for entry in entries)


def _index_by_source(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{entry['split']} {entry.get('path') or entry.get('hub')}": entry for entry in entries}


def _format_value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}…"
    if isinstance(value, dict):
        return "there" if value else "empty"
    return json.dumps(value, ensure_ascii=False)
