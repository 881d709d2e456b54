"""Virtual environments made quickly, and pip without a network."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from qwen_recipes.environments import find_uv, install


@pytest.fixture(scope="session")
def quick_python(tmp_path_factory):
    """A stand-in for Python whose `-I -m venv FOLDER` copies an environment made once."""
    folder = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", folder / "made"], check=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\ncp -a "{folder}/made/." "$4"\n')
    python.chmod(0o755)
    return python


@pytest.fixture
def offline(tmp_path, monkeypatch, quick_python):
    """A folder of wheels that is all that pip sees; uv out of sight, virtual environments made quickly."""
    monkeypatch.setattr(install, "find_interpreter", lambda version, given=None: quick_python)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("QWEN_RECIPES_TORCH_INDEX", raising=False)
    monkeypatch.setattr(find_uv.shutil, "which", lambda name: None)
    return wheels
