"""What a run was trained on: SHA-256, size and rows of every local data file, and of a chat template of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from qwen_recipes.backends.plan import Plan, SourcePlan
from qwen_recipes.data.source_files import list_source_files
from qwen_recipes.filesystem.regular_file import open_regular_file

_BLOCK_BYTES = 1 << 20
_LINE_SUFFIXES = (".jsonl", ".ndjson")


def hash_data(plan: Plan, recipe_folder: Path) -> list[dict[str, object]]:
    """One entry a file or hub data set, paths as the recipe has them; `rows` where a line is a row. Raises OSError."""
    found = []
    for split, sources in (("train", plan.data.train), ("validation", plan.data.validation)):
        for source in sources:
            found += [{"split": split, **entry} for entry in _hash_source(source, recipe_folder)]
    if plan.objective.chat and not plan.chat.compiled_in:
        digest, size, _ = hash_file(recipe_folder / plan.chat.template)
        found.append({"split": "template", "path": plan.chat.template, "sha256": digest, "bytes": size, "rows": None})
    return found


def _name_file(file: Path, recipe_folder: Path) -> str:
    inside = file.is_relative_to(recipe_folder)
    return (file.relative_to(recipe_folder) if inside else file).as_posix()


def hash_file(path: Path) -> tuple[str, int, int]:
    """SHA-256 in hex, bytes, and lines of a file; one that did not change is read once. Raises OSError."""
    found = path.stat()
    return _hash_file(path, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash_file(path: Path, inode: int, size: int, modified_ns: int) -> tuple[str, int, int]:
    digest, size, lines, last = hashlib.sha256(), 0, 0, b"\n"
    with open_regular_file(path) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size, lines, last = size + len(block), lines + block.count(b"\n"), block[-1:]
    return digest.hexdigest(), size, lines + (last != b"\n")


def _hash_source(source: SourcePlan, recipe_folder: Path) -> Iterator[dict[str, object]]:
    if source.path is None:
        yield {"hub": source.hub, "subset": source.subset, "revision": source.revision}
        return
    for file in list_source_files(source.path, recipe_folder):
        digest, size, lines = hash_file(file)
        name = source.path if file == recipe_folder / source.path else _name_file(file, recipe_folder)
        yield {"path": name, "sha256": digest, "bytes": size, "rows": lines if file.suffix in _LINE_SUFFIXES else None}
