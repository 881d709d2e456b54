"""The Hugging Face hub's cache on this machine, read without the hub's client: no network, no package.

Layout: `models--ORG--NAME/refs/REVISION` holds a commit, `models--ORG--NAME/snapshots/COMMIT/` its files.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qwen_recipes.filesystem.home_folder import expand_home, get_home
from qwen_recipes.filesystem.read_file import read_head

RepoKind = Literal["models", "datasets"]
_REPO_ID = re.compile(r"(?:[\w.-]+/)?[\w.-]+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Snapshot:
    """The files of one commit of a repository that are on this machine."""

    folder: Path
    commit: str


def get_hub_cache() -> Path:
    """The cache's folder, as the hub's client finds it: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, ~/.cache."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if found := os.environ.get(name):
            return expand_home(os.path.expandvars(found))
    if found := os.environ.get("HF_HOME"):
        return expand_home(os.path.expandvars(found)) / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (expand_home(base) if base else get_home() / ".cache") / "huggingface" / "hub"


def is_repo_id(name: str) -> bool:
    """Whether a name can be a repository's on the hub: `NAME` or `ORG/NAME`, no path."""
    return bool(_REPO_ID.fullmatch(name)) and ".." not in name and not name.startswith((".", "-")) and len(name) <= 96


def find_snapshot(repo: str, revision: str | None = None, kind: RepoKind = "models") -> Snapshot | None:
    """The cached files of a repository at a branch, tag or commit (`main` where None); None where there are none."""
    if not is_repo_id(repo):
        return None
    try:
        place = get_hub_cache() / f"{kind}--{repo.replace('/', '--')}"
        commit = _read_commit(place, revision or "main")
        folder = place / "snapshots" / commit if commit else None
        return Snapshot(folder, commit) if folder and commit and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # not readable, the home of nobody, a NUL in a name
        return None


def _read_commit(repo_folder: Path, revision: str) -> str | None:
    """The commit that a revision stands for: a ref's, or the one cached commit that begins so."""
    parts = revision.split("/")
    if all(part not in ("", ".", "..") for part in parts) and (ref := repo_folder.joinpath("refs", *parts)).is_file():
        commit = read_head(ref, 64).decode("utf-8").strip()
        return commit if _COMMIT.fullmatch(commit) else None
    if not _COMMIT.fullmatch(revision):
        return None
    found = [entry.name for entry in (repo_folder / "snapshots").iterdir() if entry.name.startswith(revision)]
    return found[0] if len(found) == 1 else None
