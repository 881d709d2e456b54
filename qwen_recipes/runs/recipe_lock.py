"""A recipe's lock: everything that a run depends on, by hash or version, and what of it is no longer so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes import __version__
from qwen_recipes.compile import CompiledRecipe, render_recipe
from qwen_recipes.data.plan_template import read_plan_template
from qwen_recipes.environments.environment import MissingEnvironmentError, get_managed_environment
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import encode_text, replace_file
from qwen_recipes.qwen.adapter_folder import find_adapter
from qwen_recipes.qwen.tokenizer import TOKENIZER_CONFIG_SHA256, TOKENIZER_JSON_SHA256
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.lock_parts import list_locked_recipes
from qwen_recipes.resolve.plan_table import list_plan_values
from qwen_recipes.runs.data_hashes import hash_data, hash_file

_MODEL_FILES = ("*.json", "*.jinja", "merges.txt", "*.safetensors")


def get_usual_folder(loaded: LoadedRecipe) -> Path:
    """Where a recipe is compiled to for its lock, whatever folder is asked for."""
    return loaded.folder / "compiled" / loaded.name


def build_lock(compiled_backends: list[CompiledRecipe]) -> dict[str, object]:
    """The lock of a recipe for the given backends, or of each stage. Reads every local data file and weight.

    Raises OSError.
    """
    head = {"version": 1, "qwen-recipes": __version__}
    stages: dict[str, list[CompiledRecipe]] = {}
    for one in compiled_backends:
        stages.setdefault(one.loaded.part, []).append(one)
    if "" in stages:
        return {**head, **_lock_recipe(stages[""])}
    return {**head, "stages": {name: _lock_recipe(every) for name, every in stages.items()}}


def _lock_recipe(compiled_backends: list[CompiledRecipe]) -> dict[str, object]:
    first = compiled_backends[0]
    return {
        "recipe": first.loaded.recipe_hash,
        "model": _lock_model(first),
        "adapter": _lock_adapter(first),
        "chat": _lock_chat(first),
        "data": hash_data(first.plan, first.loaded.folder),
        "lengths": first.loaded.lengths.as_dict() if first.loaded.lengths else None,
        "backends": {one.backend.name: _lock_backend(one) for one in compiled_backends},
    }


def write_lock(path: Path, content: dict[str, object]) -> None:
    """Write a lock whole or not at all. Raises OSError."""
    replace_file(path, json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def read_lock(path: Path) -> dict[str, object]:
    """A lock as written. Raises OSError, or ValueError where it is none."""
    content = read_json(path, "lock")
    if not isinstance(content, dict) or content.get("version") != 1:
        raise ValueError("not a lock file of this version")
    return content


def find_drift(locked: dict[str, object], compiled_backends: list[CompiledRecipe]) -> list[str]:
    """What is not as the lock says, a line each; empty where everything is. Stages not compiled are not compared.

    Raises OSError.
    """
    now = json.loads(json.dumps(build_lock(compiled_backends)))
    before = dict(list_locked_recipes(locked))
    said = []
    for stage, recipe in list_locked_recipes(now):
        if stage not in before:
            said.append(f"stage {stage} is not in the lock file" if stage else "the lock file is of stages")
        else:
            prefix = f"stage {stage}: " if stage else ""
            said += [prefix + line for line in _find_recipe_drift(before[stage], recipe)]
    return said


def _find_recipe_drift(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    missing = [name for name in now["backends"] if name not in before.get("backends", {})]
    kept = {name: one for name, one in before.get("backends", {}).items() if name in now["backends"]}
    found = {name: one for name, one in now["backends"].items() if name not in missing}
    said = [f"{name} is not in the lock file" for name in missing]
    return said + list(iter_differences({**before, "backends": kept}, {**now, "backends": found}))


def iter_differences(before: object, after: object, path: str = "") -> Iterator[str]:
    """How one tree of JSON differs from another, leaf by leaf, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from iter_differences(before.get(key), after.get(key), f"{path} {key}".strip())
    elif isinstance(before, list) and isinstance(after, list) and _are_data_entries(before + after):
        yield from iter_differences(_index_by_source(before), _index_by_source(after), path)
    elif before != after:
        yield f"{path}: {_format_value(before)} in the lock file, now {_format_value(after)}"


def _lock_model(compiled: CompiledRecipe) -> dict[str, object]:
    model = compiled.plan.model
    folder = compiled.loaded.folder / model.id
    files = sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern)}) if model.local else []
    return {
        "id": model.id,
        "revision": model.revision,
        "files": {path.name: hash_file(path)[0] for path in files if path.is_file()},
    }


def _lock_adapter(compiled: CompiledRecipe) -> dict[str, object] | None:
    """The commit of the adapter on the hub that training starts from; None for a folder, or without one."""
    start, revision = compiled.plan.method.start_from, compiled.plan.method.start_from_revision
    place = find_adapter(start, compiled.loaded.folder, revision) if start else None
    cached = place.folder.name if place and place.cached else None
    return {"id": start, "revision": revision or cached} if revision or cached else None


def _lock_chat(compiled: CompiledRecipe) -> dict[str, object]:
    """Hashes of the template and of the tokenizer's files; a local model's tokenizer is among its files."""
    model = compiled.plan.model
    text = read_plan_template(compiled.plan, compiled.loaded.folder)
    known = not model.local and model.variant in TOKENIZER_CONFIG_SHA256
    hashes = {
        "tokenizer.json": TOKENIZER_JSON_SHA256 if known and model.variant != "base" else None,
        "tokenizer_config.json": TOKENIZER_CONFIG_SHA256[model.variant] if known else None,
    }
    folder = compiled.recipe.model.folder
    if folder is not None and not model.local:
        hashes = {name: hash_file(folder / name)[0] if (folder / name).is_file() else None for name in hashes}
    return {"template": hashlib.sha256(text.encode()).hexdigest(), **hashes}


def _lock_backend(compiled: CompiledRecipe) -> dict[str, object]:
    """A backend's part. Its files are those of the recipe's usual folder."""
    backend = compiled.backend
    folder = get_usual_folder(compiled.loaded) / backend.name
    usual = compiled if compiled.folder == folder else render_recipe(compiled.recipe, folder, compiled.findings)
    packages = compiled.loaded.list_packages(backend.name)
    return {
        "version": backend.version,
        "schema": hash_file(backend.schema_file)[0],
        "environment": _hash_environment_lock(compiled),
        **({"packages": list(packages)} if packages else {}),
        "resolved": {row.field: row.value for row in list_plan_values(compiled.plan)},
        "files": {name: hashlib.sha256(encode_text(text)).hexdigest() for name, text in usual.files.items()},
    }


def _hash_environment_lock(compiled: CompiledRecipe) -> str | None:
    """SHA-256 of the environment's locked requirements; None where the person brings one of their own."""
    if compiled.plan.run.environment != "managed":
        return None
    try:
        return hash_file(get_managed_environment(compiled.backend, compiled.plan.hardware.device).lock)[0]
    except MissingEnvironmentError:
        return None


def _are_data_entries(entries: list[object]) -> bool:
    return bool(entries) and all(isinstance(entry, dict) and "split" in entry for entry in entries)


def _index_by_source(entries: list[dict[str, object]]) -> dict[str, object]:
    return {f"{entry['split']} {entry.get('path') or entry.get('hub')}": entry for entry in entries}


def _format_value(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}…"
    if isinstance(value, dict):
        return "there" if value else "empty"
    return json.dumps(value, ensure_ascii=False)
