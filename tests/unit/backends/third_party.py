"""The example of a backend in a package of its own, installed into a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

PACKAGE = ROOT / "examples" / "backend-package"


def install_package(folder: Path, package: Path = PACKAGE) -> None:
    """Build and install a package into a folder, from its own pyproject.toml."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(package)]
    subprocess.run(command, check=True, capture_output=True)


def run_recipes(packages: Path, workdir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`recipes` with the package installed."""
    environment = {**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "qwen_recipes", *words]
    return subprocess.run(command, cwd=workdir, env=environment, capture_output=True, text=True, check=False)
