"""The real yaml-language-server, installed by npm into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

VERSION = "1.25.0"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def yaml_server() -> list[str]:
    """Its command. Skips where npm is missing or can't install it."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed, so yaml-language-server can't be tried")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qwen-recipes-tests"
    home = cache / f"yaml-language-server-{VERSION}"
    program = home / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    if not program.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        _install(npm, cache, home)
    return [node, str(program), "--stdio"]


def _install(npm: str, cache: Path, home: Path) -> None:
    """Install beside, then rename: another test process may be doing the same."""
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        command = [npm, "install", "--prefix", folder, "--no-audit", "--no-fund", f"yaml-language-server@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            pytest.skip(f"npm can't install yaml-language-server {VERSION}: {done.stderr.strip()[-300:]}")
        if not home.exists():
            shutil.copytree(folder, home.with_suffix(f".{os.getpid()}"), symlinks=True)
            home.with_suffix(f".{os.getpid()}").rename(home)
