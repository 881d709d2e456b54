"""A recipe's lock: everything that a run depends on, by hash or version, and what of it is no longer so."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes import __version__
from qwen_recipes.compile import Compiled, compile_for
from qwen_recipes.launch.environment import EnvironmentMissing, managed
from qwen_recipes.launch.fingerprints import fingerprints, sha256_of
from qwen_recipes.qwen.chat_templates import template_text
from qwen_recipes.qwen.tokenizer import TOKENIZER_CONFIG, TOKENIZER_JSON
from qwen_recipes.recipe.load import Loaded
from qwen_recipes.resolve.table import table

_MODEL_FILES = ("*.json", "*.jinja", "merges.txt", "*.safetensors")


def lock_file(recipe: str) -> Path:
    """Where a recipe's lock lies: beside it, `NAME.lock`."""
    return Path(recipe).with_suffix(".lock")


def lock(loaded: Loaded, every: list[Compiled]) -> dict[str, Any]:
    """The lock of a recipe for the given backends. Reads every local data file and weight. Raises OSError."""
    plan = every[0].plan
    return {
        "version": 1,
        "qwen-recipes": __version__,
        "recipe": loaded.hash,
        "model": _model(loaded, every[0]),
        "chat": _chat(loaded, every[0]),
        "data": fingerprints(plan, loaded.folder),
        "backends": {one.backend.name: _backend(loaded, one) for one in every},
    }


def write_lock(path: Path, content: dict[str, Any]) -> None:
    """Write a lock whole or not at all. Raises OSError."""
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
        Path(part).chmod(0o644)
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


def read_lock(path: Path) -> dict[str, Any]:
    """A lock as written. Raises OSError, or ValueError where it is none."""
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict) or content.get("version") != 1:
        raise ValueError(f"{path} is not a lock of this version")
    return content


def drift(locked: dict[str, Any], loaded: Loaded, every: list[Compiled]) -> list[str]:
    """What is not as the lock says, a line each; empty where everything is."""
    now = json.loads(json.dumps(lock(loaded, every)))
    missing = [one.backend.name for one in every if one.backend.name not in locked.get("backends", {})]
    kept = {name: one for name, one in locked.get("backends", {}).items() if name in now["backends"]}
    now["backends"] = {name: one for name, one in now["backends"].items() if name not in missing}
    said = [f"{name} is not in the lock" for name in missing]
    return said + list(differences({**locked, "backends": kept}, now))


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """How one tree of JSON differs from another, leaf by leaf, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), f"{path} {key}".strip())
    elif isinstance(before, list) and isinstance(after, list) and _keyed(before + after):
        yield from differences(_by_key(before), _by_key(after), path)
    elif before != after:
        yield f"{path}: {_shown(before)} in the lock, now {_shown(after)}"


def _model(loaded: Loaded, one: Compiled) -> dict[str, Any]:
    model = one.plan.model
    folder = loaded.folder / model.id
    files = sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern)}) if model.local else []
    return {
        "id": model.id,
        "revision": model.revision,
        "files": {path.name: sha256_of(path)[0] for path in files if path.is_file()},
    }


def _chat(loaded: Loaded, one: Compiled) -> dict[str, Any]:
    """Hashes of the template and of the tokenizer's files; a local model's tokenizer is among its files."""
    chat, model = one.plan.chat, one.plan.model
    text = template_text(chat.template) if chat.official else (loaded.folder / chat.template).read_text("utf-8")
    known = not model.local and model.variant in TOKENIZER_CONFIG
    return {
        "template": hashlib.sha256(text.encode()).hexdigest(),
        "tokenizer.json": TOKENIZER_JSON if known and model.variant != "base" else None,
        "tokenizer_config.json": TOKENIZER_CONFIG[model.variant] if known else None,
    }


def _backend(loaded: Loaded, one: Compiled) -> dict[str, Any]:
    """A backend's part. Its files are those of the recipe's usual place, whatever folder was asked for."""
    backend = one.backend
    usual = compile_for(loaded, backend, loaded.folder / "compiled" / loaded.name / backend.name)
    return {
        "version": backend.version,
        "schema": sha256_of(backend.schema_file)[0],
        "environment": _environment(one),
        "resolved": {row.field: row.value for row in table(one.plan)},
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in usual.files.items()},
    }


def _environment(one: Compiled) -> str | None:
    """SHA-256 of the environment's locked requirements; None where the person brings one of their own."""
    if one.plan.run.environment != "managed":
        return None
    try:
        return sha256_of(managed(one.backend, one.plan.hardware.device).lock)[0]
    except EnvironmentMissing:
        return None


def _keyed(entries: list[Any]) -> bool:
    return bool(entries) and all(isinstance(entry, dict) and "split" in entry for entry in entries)


def _by_key(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{entry['split']} {entry.get('path') or entry.get('hub')}": entry for entry in entries}


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}…"
    if isinstance(value, dict):
        return "there" if value else "empty"
    return json.dumps(value, ensure_ascii=False)
