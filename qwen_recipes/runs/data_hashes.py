"""What a run was trained on: SHA-256, size and rows of every local data file, and of a chat template of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan, SourcePlan

_BLOCK_BYTES = 1 << 20
_LINE_SUFFIXES = (".jsonl", ".ndjson")


def hash_data(plan: Plan, recipe_folder: Path) -> list[dict[str, Any]]:
    """One entry a file or hub data set, paths as the recipe has them; `rows` where a line is a row. Raises OSError."""
    found = []
    for split, sources in (("train", plan.data.train), ("validation", plan.data.validation)):
        for source in sources:
            found += [{"split": split, **entry} for entry in _hash_source(source, recipe_folder)]
    if plan.objective.chat and not plan.chat.official:
        digest, size, _ = hash_file(recipe_folder / plan.chat.template)
        found.append({"split": "template", "path": plan.chat.template, "sha256": digest, "bytes": size, "rows": None})
    return found


def find_source_files(path: str, recipe_folder: Path) -> list[Path]:
    """The files that a path of the recipe stands for: itself, everything in a folder, or a pattern's matches."""
    whole = recipe_folder / path
    if whole.is_file():
        return [whole]
    if whole.is_dir():
        return sorted(file for file in whole.rglob("*") if file.is_file())
    return sorted(file for file in Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))) if file.is_file())


def hash_file(path: Path) -> tuple[str, int, int]:
    """SHA-256 in hex, bytes, and lines of a file. Raises OSError."""
    digest, size, lines, last = hashlib.sha256(), 0, 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size, lines, last = size + len(block), lines + block.count(b"\n"), block[-1:]
    return digest.hexdigest(), size, lines + (last != b"\n")


def _hash_source(source: SourcePlan, recipe_folder: Path) -> Iterator[dict[str, Any]]:
    if source.path is None:
        yield {"hub": source.hub, "subset": source.subset, "revision": source.revision}
        return
    for file in find_source_files(source.path, recipe_folder):
        digest, size, lines = hash_file(file)
        name = source.path if file == recipe_folder / source.path else file.relative_to(recipe_folder).as_posix()
        yield {"path": name, "sha256": digest, "bytes": size, "rows": lines if file.suffix in _LINE_SUFFIXES else None}
