"""What a run was trained on: SHA-256, size and rows of every local data file, and of a chat template of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan, SourcePlan

_BLOCK = 1 << 20
_LINES = (".jsonl", ".ndjson")


def fingerprints(plan: Plan, base: Path) -> list[dict[str, Any]]:
    """One entry a file or hub data set, paths as the recipe has them; `rows` where a line is a row. Raises OSError."""
    found = []
    for split, sources in (("train", plan.data.train), ("validation", plan.data.validation)):
        for source in sources:
            found += [{"split": split, **entry} for entry in _of(source, base)]
    if plan.objective.chat and not plan.chat.official:
        digest, size, _ = sha256_of(base / plan.chat.template)
        found.append({"split": "template", "path": plan.chat.template, "sha256": digest, "bytes": size, "rows": None})
    return found


def files_of(path: str, base: Path) -> list[Path]:
    """The files that a path of the recipe stands for: itself, everything in a folder, or a pattern's matches."""
    whole = base / path
    if whole.is_file():
        return [whole]
    if whole.is_dir():
        return sorted(file for file in whole.rglob("*") if file.is_file())
    return sorted(file for file in Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))) if file.is_file())


def sha256_of(path: Path) -> tuple[str, int, int]:
    """SHA-256 in hex, bytes, and lines of a file. Raises OSError."""
    digest, size, lines, last = hashlib.sha256(), 0, 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size, lines, last = size + len(block), lines + block.count(b"\n"), block[-1:]
    return digest.hexdigest(), size, lines + (last != b"\n")


def _of(source: SourcePlan, base: Path) -> Iterator[dict[str, Any]]:
    if source.path is None:
        yield {"hub": source.hub, "subset": source.subset, "revision": source.revision}
        return
    for file in files_of(source.path, base):
        digest, size, lines = sha256_of(file)
        name = source.path if file == base / source.path else file.relative_to(base).as_posix()
        yield {"path": name, "sha256": digest, "bytes": size, "rows": lines if file.suffix in _LINES else None}
