"""Put compiled files in their folder: all of them or none, and never over somebody's edits."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from qwen_recipes.compile.owner import RECIPE_LINE
from qwen_recipes.errors import QwenRecipesError

MANIFEST = ".recipes.json"


class HandEditedError(QwenRecipesError):
    """Files in the folder were not left as the compiler wrote them. `files` are their names."""

    def __init__(self, folder: Path, files: list[str]) -> None:
        super().__init__(f"{', '.join(files)} in {folder}")
        self.folder, self.files = folder, files


def write_files(folder: Path, files: Mapping[str, str], *, force: bool = False) -> list[str]:
    """Write the files and a manifest; names of those that changed. Raises HandEditedError unless `force`.

    Everything is written beside its place first, so that a full disk or a kill leaves the folder as it was.
    """
    edited = find_hand_edited(folder, files)
    if edited and not force:
        raise HandEditedError(folder, edited)
    changed, stale = find_drifted(folder, files), _find_stale(folder, files)
    folder.mkdir(parents=True, exist_ok=True)
    everything = {**files, MANIFEST: _make_manifest(files)}
    parts: dict[str, Path] = {}
    before: dict[str, Path | None] = {}
    try:
        for name, text in everything.items():
            parts[name] = _write_beside(folder, name, text.encode())
        for name, part in parts.items():
            old = folder / name
            before[name] = _write_beside(folder, name, old.read_bytes()) if old.exists() else None
            part.replace(old)
    except BaseException:
        _restore_files(folder, before)
        raise
    finally:
        for spare in (*parts.values(), *before.values()):
            if spare is not None:
                spare.unlink(missing_ok=True)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    return changed


def _restore_files(folder: Path, before: Mapping[str, Path | None]) -> None:
    for name, saved in before.items():
        if saved is None:
            (folder / name).unlink(missing_ok=True)
        else:
            saved.rename(folder / name)


def find_hand_edited(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are there and are neither what was written last nor what would be written now."""
    known = _read_manifest(folder)
    found = []
    for name, text in files.items():
        path = folder / name
        if path.is_file():
            digest = _hash_content(name, path.read_bytes())
            if digest not in (known.get(name), _hash_content(name, text.encode())):
                found.append(name)
    return found


def find_drifted(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are missing, differ from what would be written, or would be removed."""
    differ = [name for name, text in files.items() if _read_text(folder / name) != text]
    return differ + _find_stale(folder, files)


def diff_files(folder: Path, files: Mapping[str, str]) -> str:
    """A unified diff from the folder to what would be written; empty where nothing would change."""
    text = ""
    for name, new in {**files, **dict.fromkeys(_find_stale(folder, files), "")}.items():
        old = _read_text(folder / name) or ""
        before, after = f"{folder / name}", f"{folder / name} (compiled)"
        text += "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), before, after))
    return text


def _read_text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _hash_content(name: str, content: bytes) -> str:
    """SHA-256 in hex; of run.sh without the line that tells where the recipe lies."""
    if name == "run.sh":
        content = b"".join(line for line in content.splitlines(True) if not line.startswith(RECIPE_LINE.encode()))
    return hashlib.sha256(content).hexdigest()


def _make_manifest(files: Mapping[str, str]) -> str:
    digests = {name: _hash_content(name, text.encode()) for name, text in sorted(files.items())}
    return json.dumps({"written-by": "qwen-recipes", "sha256": digests}, indent=2) + "\n"


def _read_manifest(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / MANIFEST).read_text("utf-8"))["sha256"]
        return {str(name): str(digest) for name, digest in known.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def _find_stale(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files of an earlier compile that this one no longer has, unless somebody edited them."""
    known = _read_manifest(folder)
    return [
        name
        for name, digest in known.items()
        if name not in files
        and Path(name).name == name
        and (folder / name).is_file()
        and _hash_content(name, (folder / name).read_bytes()) == digest
    ]


def _write_beside(folder: Path, name: str, content: bytes) -> Path:
    place = (folder / name).parent
    place.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix=f".{Path(name).name}.", dir=place)
    made = Path(path)
    try:
        with os.fdopen(handle, "wb") as part:
            part.write(content)
        made.chmod(0o755 if name.endswith(".sh") else 0o644)
    except BaseException:
        made.unlink()
        raise
    return made
