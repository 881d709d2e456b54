"""A clean copy of this repository, as those who use its hooks and its action get it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WHO = {f"GIT_{role}_{what}": "t@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=os.environ | WHO, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Everything in the folder as one commit of a new repository; its hash."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--no-verify", "--message", "all")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> Path:
    """The tracked files and those that will be, committed."""
    copy = tmp_path_factory.mktemp("repository")
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and not name.startswith("tests/") and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    commit(copy)
    return copy


@pytest.fixture
def project(tmp_path) -> Path:
    """Somebody's project with a good recipe and one that is not."""
    folder = tmp_path / "project"
    folder.mkdir()
    good = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nrun: {backend: axolotl}\n"
    (folder / "good.recipe.yaml").write_text(good)
    (folder / "bad.recipe.yaml").write_text(good + "training: {precision: fp16}\n")
    return folder
