"""Put compiled files in their folder: all of them or none, and never over somebody's edits."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from qwen_recipes.compile.owner import RECIPE_LINE
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.file_set import FileSet
from qwen_recipes.filesystem.locked_folder import lock_folder
from qwen_recipes.filesystem.read_file import read_bytes, read_json
from qwen_recipes.filesystem.replace_file import encode_text

MANIFEST = ".recipes.json"


class HandEditedError(QwenRecipesError):
    """Files in the folder were not left as the compiler wrote them. `files` are their names."""

    def __init__(self, folder: Path, files: list[str]) -> None:
        super().__init__(f"{', '.join(files)} in {folder}")
        self.folder, self.files = folder, files


def write_files(folder: Path, files: Mapping[str, str], *, root: Path | None = None, force: bool = False) -> list[str]:
    """Write the files and a manifest; names of those that changed. Raises HandEditedError unless `force`, OSError.

    One process at a time writes to a folder. The manifest comes first, with what is about to be replaced, so that a
    compile that was killed halfway is known for one and finished by the next. No link is followed below `root`.
    """
    with lock_folder(folder, root):
        edited = find_hand_edited(folder, files)
        if edited and not force:
            raise HandEditedError(folder, edited)
        changed, stale = find_drifted(folder, files), _find_stale(folder, files)
        manifest = _make_manifest(files)
        with FileSet(folder) as file_set:
            if changed or _read_text(folder / MANIFEST) != manifest:
                _stage_files(file_set, folder, files, changed, stale)
                file_set.stage(folder / MANIFEST, manifest)
            else:
                file_set.watch({folder, *((folder / name).parent for name in files)})
            file_set.commit()
    return changed


def _stage_files(
    file_set: FileSet, folder: Path, files: Mapping[str, str], changed: Sequence[str], stale: Sequence[str]
) -> None:
    """The manifest of what is about to happen, then the files that change."""
    before = {name: digest for name in changed if (digest := _hash_known_file(folder, name))}
    file_set.stage(folder / MANIFEST, _make_manifest(files, before))
    for name in changed:
        if name in files:
            file_set.stage(folder / name, files[name], executable=name.endswith(".sh"))
    for name in stale:
        file_set.remove(folder / name)


def _hash_known_file(folder: Path, name: str) -> str | None:
    """The digest of a file that is as a compile left it; None for any other."""
    path = folder / name
    if not path.is_file():
        return None
    digest = _hash_content(name, read_bytes(path, "record"))
    return digest if digest in _read_manifest(folder).get(name, ()) else None


def find_hand_edited(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are there and are neither what was written last nor what would be written now."""
    known = _read_manifest(folder)
    found = []
    for name, text in files.items():
        path = folder / name
        if path.is_file():
            digest = _hash_content(name, read_bytes(path, "record"))
            if digest not in {*known.get(name, ()), _hash_content(name, encode_text(text))}:
                found.append(name)
    return found


def find_drifted(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are missing, differ from what would be written, or would be removed."""
    differ = [name for name, text in files.items() if _read_text(folder / name) != _as_written(text)]
    return differ + _find_stale(folder, files)


def diff_files(folder: Path, files: Mapping[str, str]) -> str:
    """A unified diff from the folder to what would be written; empty where nothing would change."""
    text = ""
    for name, new in {**files, **dict.fromkeys(_find_stale(folder, files), "")}.items():
        old = _read_text(folder / name) or ""
        new = _as_written(new)
        before, after = f"{folder / name}", f"{folder / name} (compiled)"
        text += "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), before, after))
    return text


def _as_written(text: str) -> str:
    return encode_text(text).decode("utf-8")


def _read_text(path: Path) -> str | None:
    try:
        return read_bytes(path, "record").decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _hash_content(name: str, content: bytes) -> str:
    """SHA-256 in hex; of run.sh without the line that tells where the recipe lies."""
    if name == "run.sh":
        content = b"".join(line for line in content.splitlines(True) if not line.startswith(RECIPE_LINE.encode()))
    return hashlib.sha256(content).hexdigest()


def _make_manifest(files: Mapping[str, str], before: Mapping[str, str] | None = None) -> str:
    """The digests of files; while they are being replaced also those of what may still be in their place."""
    digests = {name: _hash_content(name, encode_text(text)) for name, text in sorted(files.items())}
    begun = {} if before is None else {"replacing": dict(sorted(before.items()))}
    return json.dumps({"written-by": "qwen-recipes", "sha256": digests, **begun}, indent=2) + "\n"


def _read_manifest(folder: Path) -> dict[str, set[str]]:
    """The digests that a file may have that nobody edited, by name; two where a compile was killed halfway."""
    found: dict[str, set[str]] = {}
    try:
        manifest = read_json(folder / MANIFEST, "record")
        for digests in (manifest["sha256"], manifest.get("replacing", {})):
            for name, digest in digests.items():
                found.setdefault(str(name), set()).add(str(digest))
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return {}
    return found


def _find_stale(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files of an earlier compile that this one no longer has, unless somebody edited them."""
    known = _read_manifest(folder)
    return [
        name
        for name, digests in known.items()
        if name not in files
        and Path(name).name == name
        and (folder / name).is_file()
        and _hash_content(name, read_bytes(folder / name, "record")) in digests
    ]
